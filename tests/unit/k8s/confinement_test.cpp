#include "k8s/confinement.hpp"

#include "base/files.hpp"
#include "tests/support/temp_dir.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <thread>

namespace gkm::k8s {
namespace {

int opening(const std::filesystem::path& file, int flags = O_RDONLY) {
  base::fd open(::open(file.c_str(), flags | O_CLOEXEC));
  return open ? 0 : errno;
}

class confinement : public testing::Test {
protected:
  confinement() {
    for (const char* name : {"account", "state", "other"}) {
      std::filesystem::create_directory(dir_ / name);
      std::ofstream(dir_ / name / "token") << "x";
    }
    as_.identity.token_file = dir_ / "account/token";
  }
  static bool is_possible() {
    bool possible = false;
    std::thread([&] { possible = base::confine_files({}).value_or(false); }).join();
    return possible;
  }
  /// Confines a thread, and it alone.
  template <class F>
  void confined(F&& checks) {
    std::thread([&] {
      ASSERT_TRUE(confine_process(as_, {{}, {dir_ / "state"}}));
      checks();
    }).join();
  }

  support::temp_dir dir_;
  config as_;
};

}  // namespace

TEST_F(confinement, leaves_ones_own_files_and_credentials_that_are_renewed) {
  if (!is_possible()) GTEST_SKIP() << "this kernel confines nobody";
  confined([&] {
    EXPECT_EQ(opening(dir_ / "state/token", O_RDWR), 0);
    EXPECT_EQ(opening(dir_ / "account/token"), 0);
    EXPECT_EQ(opening(dir_ / "account/token", O_RDWR), EACCES);
    EXPECT_EQ(opening(dir_ / "other/token"), EACCES);
    EXPECT_EQ(opening("/etc/shadow"), EACCES);
    EXPECT_EQ(opening("/etc/hosts"), 0);
  });
}

TEST_F(confinement, is_done_without_where_a_plugin_must_be_run) {
  as_.identity.exec.emplace().command = "login-tool";
  confined([&] { EXPECT_EQ(opening(dir_ / "other/token", O_RDWR), 0); });
}

}  // namespace gkm::k8s
