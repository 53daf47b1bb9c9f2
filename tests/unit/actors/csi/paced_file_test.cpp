#include "actors/csi/paced_file.hpp"

#include "base/program/log.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace gkm::csi {
namespace {

using namespace std::chrono_literals;
using support::eventually;
using support::read_whole;

TEST(paced_file, says_at_once_what_is_so_and_again_what_changes) {
  support::temp_dir dir;
  std::atomic<int> value = 1;
  paced_file file(
      dir / "x", [&] { return std::to_string(value); }, 1ms);
  EXPECT_TRUE(eventually("the first", [&] { return read_whole(dir / "x") == "1"; }));
  value = 2;
  file.changed();
  EXPECT_TRUE(eventually("the second", [&] { return read_whole(dir / "x") == "2"; }));
}

TEST(paced_file, writes_many_changes_as_one_and_the_last_one_at_its_end) {
  support::temp_dir dir;
  std::atomic<int> printed = 0;
  std::atomic<int> value = 0;
  {
    paced_file file(
        dir / "x",
        [&] {
          ++printed;
          return std::to_string(value);
        },
        1h);
    EXPECT_TRUE(eventually("the first", [&] { return read_whole(dir / "x") == "0"; }));
    for (value = 1; value < 100; ++value) file.changed();
  }
  EXPECT_EQ(read_whole(dir / "x"), "100");
  EXPECT_EQ(printed, 2);
}

TEST(paced_file, what_cannot_be_written_is_made_up_for_later) {
  base::log::configure(base::log::level::off, false);
  support::temp_dir dir;
  auto blocked = dir / "folder";
  support::write_whole(blocked, "a file where a folder should be");
  std::atomic<int> printed = 0;
  paced_file file(
      blocked / "x",
      [&] {
        ++printed;
        return std::string("text");
      },
      1ms);
  EXPECT_TRUE(eventually("it is tried", [&] { return printed > 0; }));
  std::filesystem::remove(blocked);
  file.changed();
  EXPECT_TRUE(eventually("it is there", [&] { return read_whole(blocked / "x") == "text"; }));
}

}  // namespace
}  // namespace gkm::csi
