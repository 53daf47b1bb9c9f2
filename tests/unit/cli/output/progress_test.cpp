#include "cli/output/progress.hpp"

#include "cli/output/table.hpp"

#include <gtest/gtest.h>

namespace gkm::cli {

TEST(progress_line, tells_how_much_of_how_much_how_fast_and_how_long) {
  EXPECT_EQ(progress_line("Pulling", 5 << 20, 10 << 20, 5, 120),
            "Pulling  [##############..............] 5.0 MiB of 10.0 MiB, 1.0 MiB/s, 6s left");
}

TEST(progress_line, fits_every_terminal) {
  for (size_t columns = 1; columns < 130; ++columns)
    for (uint64_t done : {0ULL, 1ULL, 900ULL << 20, 3ULL << 30}) {
      auto line = progress_line("Pulling", done, 2ULL << 30, 3, columns);
      EXPECT_LE(width_of(line), std::max<size_t>(columns, 2) - 1) << line;
    }
  EXPECT_EQ(progress_line("Pulling", 0, 0, 0, 20), "0 B of 0 B");
}

}  // namespace gkm::cli
