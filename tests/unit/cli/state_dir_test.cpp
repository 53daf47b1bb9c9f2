#include "cli/options.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

namespace gkm::cli {

TEST(state_dir, is_the_machine_s_unless_only_who_called_sudo_has_one) {
  support::temp_dir dir;
  const auto machine = dir / "var", home = dir / "home";
  const auto own = home / ".local" / "state" / "gkm";
  EXPECT_EQ(existing_state_dir(machine, home), machine);
  std::filesystem::create_directories(own / "caches");
  EXPECT_EQ(existing_state_dir(machine, home), own);
  EXPECT_EQ(existing_state_dir(machine, {}), machine);
  std::filesystem::create_directories(machine / "caches");
  EXPECT_EQ(existing_state_dir(machine, home), machine);
}

}  // namespace gkm::cli
