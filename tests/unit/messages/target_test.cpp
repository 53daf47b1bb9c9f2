#include "messages/target.hpp"

#include <gtest/gtest.h>

namespace gkm {
namespace {

gpu_verdict good(int32_t id) { return {id, true, ""}; }
gpu_verdict bad(int32_t id, std::string reason) { return {id, false, std::move(reason)}; }

}  // namespace

TEST(target, is_written_as_the_vendors_tools_write_it) {
  auto hip = [](feature xnack, feature sramecc) {
    return target{"hip", "gfx90a", 64, xnack, sramecc}.str();
  };
  EXPECT_EQ((target{"cuda", "75"}.str()), "sm_75");
  EXPECT_EQ((target{"cuda", "90a", 32}.str()), "sm_90a");
  EXPECT_EQ(hip(feature::unstated, feature::unstated), "gfx90a");
  EXPECT_EQ(hip(feature::any, feature::any), "gfx90a");
  EXPECT_EQ(hip(feature::off, feature::on), "gfx90a:sramecc+:xnack-");
  EXPECT_EQ(hip(feature::on, feature::any), "gfx90a:xnack+");
}

TEST(target, feature_names) {
  EXPECT_EQ(to_string(feature::unstated), "unstated");
  EXPECT_EQ(to_string(feature::any), "any");
  EXPECT_EQ(to_string(feature::off), "off");
  EXPECT_EQ(to_string(feature::on), "on");
  for (auto f : {feature::any, feature::off, feature::on})
    EXPECT_EQ(parse_feature(to_string(f)), f);
  for (auto text : {"unstated", "", "On"}) EXPECT_EQ(parse_feature(text), std::nullopt) << text;
}

TEST(gpu, names_its_architecture) {
  EXPECT_EQ((gpu{0, "cuda", "90", "", "", ""}.arch_str()), "sm_90");
  EXPECT_EQ((gpu{0, "hip", "gfx942", "", "", ""}.arch_str()), "gfx942");
}

TEST(match_result, is_usable_where_some_gpu_fits_or_nobody_can_tell) {
  EXPECT_TRUE((match_result{false, {}}.usable()));
  EXPECT_FALSE((match_result{true, {}}.usable()));
  EXPECT_TRUE((match_result{true, {bad(0, "x"), good(1)}}.usable()));
  EXPECT_FALSE((match_result{true, {bad(0, "x")}}.usable()));
}

TEST(match_result, summary_says_each_reason_once) {
  const std::string reason = "built for gfx90a, this is gfx942";
  EXPECT_EQ((match_result{false, {}}.summary()), "targets cannot be told");
  EXPECT_EQ((match_result{true, {}}.summary()), "no GPU in the inventory");
  EXPECT_EQ((match_result{true, {good(0), good(1)}}.summary()), "compatible");
  EXPECT_EQ((match_result{true, {bad(3, reason)}}.summary()), "GPU 3: " + reason);
  EXPECT_EQ((match_result{true, {bad(0, reason), bad(1, reason)}}.summary()), "2 GPUs: " + reason);
  EXPECT_EQ((match_result{true, {good(0), bad(1, reason), bad(2, reason)}}.summary()),
            "GPU 0: compatible; GPUs 1 and 2: " + reason);
  EXPECT_EQ((match_result{true, {bad(0, "x"), bad(1, "y"), bad(2, "x"), bad(3, "x")}}.summary()),
            "GPUs 0, 2 and 3: x; GPU 1: y");
}

TEST(match_result, summary_stays_short) {
  match_result many{true, {good(1000)}};
  for (int32_t i = 0; i < 100; ++i) many.gpus.push_back(bad(i, "x"));
  EXPECT_EQ(many.summary(), "GPU 1000: compatible; GPUs 0, 1, 2, 3, 4, 5, 6, 7 and 92 more: x");
  match_result all_different{true, {}};
  for (int32_t i = 0; i < 10; ++i) all_different.gpus.push_back(bad(i, std::to_string(i)));
  EXPECT_TRUE(all_different.summary().ends_with("GPU 7: 7; and 2 more reasons"));
}

}  // namespace gkm
