#include "cli/output/console.hpp"

#include <gtest/gtest.h>

namespace gkm::cli {
namespace {

const cache_ref a{"default", "a"}, b{"", "b"};

declared_caches wanted(const std::vector<cache_ref>& refs) {
  declared_caches w;
  for (const auto& ref : refs) w.caches[ref] = {ref, {"a.example", "b", "c", {}}};
  return w;
}

cache_status status(const cache_ref& ref, cache_state state) {
  cache_status s;
  s.ref = ref;
  s.state = state;
  s.message = "text";
  s.path = "/path";
  return s;
}

class console_test : public testing::Test {
protected:
  console_test() { testing::internal::CaptureStdout(); }
  ~console_test() override { printed(); }

  std::string printed() {
    if (std::exchange(captured_, false)) text_ = testing::internal::GetCapturedStdout();
    return text_;
  }

  size_t settled_ = 0;
  console console_{[this] { ++settled_; }};

private:
  bool captured_ = true;
  std::string text_;
};

}  // namespace

TEST_F(console_test, settles_once_when_every_cache_is_ready_or_has_failed) {
  console_.reported(status(a, cache_state::extracted));
  EXPECT_EQ(settled_, 0u) << "nobody said what is wanted";
  console_.wanted(wanted({a, b}));
  console_.reported(status(b, cache_state::pending));
  EXPECT_EQ(settled_, 0u);
  console_.reported(status(b, cache_state::error));
  EXPECT_EQ(settled_, 1u);
  EXPECT_FALSE(console_.all_ready());
  console_.reported(status(b, cache_state::extracted));
  console_.wanted(wanted({a, b}));
  EXPECT_EQ(settled_, 1u);
  EXPECT_TRUE(console_.all_ready());
  console_.reported(status(a, cache_state::running));
  EXPECT_TRUE(console_.all_ready());
}

TEST_F(console_test, nothing_wanted_is_settled) {
  console_.wanted(wanted({}));
  EXPECT_EQ(settled_, 1u);
  EXPECT_TRUE(console_.all_ready());
}

TEST_F(console_test, what_is_no_longer_wanted_does_not_count) {
  console_.wanted(wanted({a, b}));
  console_.reported(status(a, cache_state::extracted));
  console_.wanted(wanted({a}));
  EXPECT_EQ(settled_, 1u);
}

TEST_F(console_test, a_broken_file_is_not_all_ready) {
  auto w = wanted({a});
  w.problems.push_back({"f", 1, "", "is wrong"});
  console_.wanted(w);
  console_.reported(status(a, cache_state::extracted));
  EXPECT_EQ(settled_, 1u);
  EXPECT_FALSE(console_.all_ready());
}

TEST_F(console_test, says_only_what_is_new) {
  auto s = status(a, cache_state::pending);
  s.image = "a.example/b:c";
  s.pulled_bytes = 512;
  s.total_bytes = 1'024;
  console_.reported(s);
  console_.reported(s);
  s = status(a, cache_state::extracted);
  s.warnings = {"odd"};
  console_.reported(s);
  s.changed_unix_s = 7;
  console_.reported(s);
  EXPECT_EQ(printed(),
            "GKMCache default/a: Pending: text a.example/b:c, 512 B of 1.0 KiB\n"
            "GKMCache default/a: Extracted: text\n  warning: odd\n");
}

}  // namespace gkm::cli
