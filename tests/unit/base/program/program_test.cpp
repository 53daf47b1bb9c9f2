#include "base/program/program.hpp"

#include <gtest/gtest.h>

namespace gkm::base {
namespace {

program shell(std::string script) { return {"/bin/sh", {"-c", std::move(script)}}; }

}  // namespace

TEST(run_program, gives_output_and_exit_code) {
  auto end = run_program(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->output, "out\n");
  EXPECT_EQ(end->exit_code, 3);
}

TEST(run_program, passes_input_arguments_and_environment) {
  ::setenv("GKM_TEST_OLD", "old", 1);
  auto what = shell("read line; echo \"$line $1 $GKM_TEST_OLD $GKM_TEST_NEW\"");
  what.arguments.insert(what.arguments.end(), {"sh", "argument"});
  what.environment = {{"GKM_TEST_OLD", "replaced"}, {"GKM_TEST_NEW", "new"}};
  what.input = "input\n";
  auto end = run_program(what);
  ::unsetenv("GKM_TEST_OLD");
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->output, "input argument replaced new\n");
}

TEST(run_program, limits_time_and_output) {
  auto slow = shell("sleep 100");
  slow.time_limit = std::chrono::seconds{1};
  EXPECT_EQ(run_program(slow).error().code, errc::unavailable);
  auto long_winded = shell("while :; do echo secret; done");
  auto end = run_program(long_winded);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, errc::limit_exceeded);
  EXPECT_EQ(end.error().message.find("secret"), std::string::npos);
}

TEST(run_program, tells_what_is_not_there_and_what_was_killed) {
  EXPECT_EQ(run_program({"gkm-no-such-program"}).error().code, errc::not_found);
  auto killed = run_program(shell("kill -9 $$"));
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->exit_code, -1);
}

}  // namespace gkm::base
