#include "gpus/match.hpp"

#include <gtest/gtest.h>

namespace gkm::gpus {
namespace {

constexpr auto unstated = feature::unstated;

target cuda(std::string arch, uint32_t warp = 0) { return {"cuda", std::move(arch), warp}; }
target hip(std::string arch, uint32_t warp = 0, feature xnack = unstated,
           feature sramecc = unstated) {
  return {"hip", std::move(arch), warp, xnack, sramecc};
}
gpu nvidia(std::string arch) { return {0, "cuda", std::move(arch), "", "", "", 32}; }
gpu amd(std::string arch, uint32_t warp = 64, feature xnack = unstated,
        feature sramecc = unstated) {
  return {0, "hip", std::move(arch), "", "", "", warp, xnack, sramecc};
}

std::string reason(const std::vector<target>& targets, const gpu& device) {
  auto out = match(targets, {device});
  EXPECT_TRUE(out.known);
  EXPECT_EQ(out.gpus.size(), 1u);
  EXPECT_EQ(out.gpus.front().compatible, out.gpus.front().reason.empty());
  return out.gpus.front().reason;
}

}  // namespace

TEST(fits, table) {
  struct row {
    target built_for;
    gpu device;
    bool want;
  };
  const row rows[] = {
      {cuda("75", 32), nvidia("75"), true},
      {cuda("75"), nvidia("80"), false},
      {cuda("80"), nvidia("86"), false},
      {cuda("90a"), nvidia("90"), true},
      {cuda("90"), nvidia("90"), true},
      {cuda("90a"), nvidia("100"), false},
      {cuda("100f"), nvidia("103"), true},
      {cuda("100f"), nvidia("120"), false},
      {cuda("100"), nvidia("103"), false},
      {cuda("nonsense"), nvidia("75"), false},
      {cuda("75"), nvidia("nonsense"), false},
      {cuda("75", 64), nvidia("75"), false},
      {cuda("75"), amd("gfx90a"), false},
      {hip("gfx90a", 64), amd("gfx90a"), true},
      {hip("gfx90a"), nvidia("90"), false},
      {hip("gfx90a"), amd("gfx942"), false},
      {hip("gfx90a", 32), amd("gfx90a", 64), false},
      {hip("gfx90a", 32), amd("gfx90a", 0), true},
      {hip("gfx90a", 0, feature::on), amd("gfx90a", 64, feature::off), false},
      {hip("gfx90a", 0, feature::on), amd("gfx90a", 64, feature::on), true},
      {hip("gfx90a", 0, feature::on), amd("gfx90a"), true},
      {hip("gfx90a", 0, feature::any), amd("gfx90a", 64, feature::off), true},
      {hip("gfx90a", 0, feature::off), amd("gfx90a", 64, feature::any), true},
      {hip("gfx90a", 0, unstated, feature::on), amd("gfx90a", 64, unstated, feature::off), false},
      {hip("gfx9-4-generic"), amd("gfx942"), true},
      {hip("gfx9-4-generic"), amd("gfx90a"), false},
      {hip("gfx11-generic", 32), amd("gfx1151", 32), true},
  };
  for (const auto& r : rows)
    EXPECT_EQ(fits(r.built_for, r.device), r.want)
        << r.built_for.str() << " on " << r.device.arch_str();
}

TEST(match, reasons) {
  EXPECT_EQ(reason({hip("gfx90a")}, amd("gfx942")), "built for gfx90a, this is gfx942");
  EXPECT_EQ(reason({hip("gfx942"), hip("gfx90a")}, amd("gfx1100")),
            "built for gfx90a and gfx942, this is gfx1100");
  EXPECT_EQ(reason({cuda("75")}, amd("gfx90a")), "built for CUDA sm_75, this GPU is AMD gfx90a");
  EXPECT_EQ(reason({hip("gfx90a")}, nvidia("90")),
            "built for AMD gfx90a, this GPU is NVIDIA sm_90");
  EXPECT_EQ(reason({hip("gfx90a", 64, feature::on)}, amd("gfx90a", 64, feature::off)),
            "built for gfx90a:xnack+, this is gfx90a:xnack-");
  EXPECT_EQ(reason({hip("gfx1100", 64)}, amd("gfx1100", 32)),
            "built for gfx1100 with warp size 64, this GPU has warp size 32");
  EXPECT_EQ(reason({cuda("100"), cuda("80")}, nvidia("90")),
            "built for sm_80 and sm_100, this is sm_90");
  EXPECT_EQ(reason({hip("gfx90a", 32), hip("gfx90a", 64)}, amd("gfx942")),
            "built for gfx90a, this is gfx942");
}

TEST(match, names_four_targets_and_counts_the_rest) {
  std::vector<target> many;
  for (auto arch : {"70", "75", "80", "86", "89", "90"}) many.push_back(cuda(arch));
  EXPECT_EQ(reason(many, nvidia("120")),
            "built for sm_70, sm_75, sm_80, sm_86 and 2 more, this is sm_120");
}

TEST(match, one_fitting_target_is_enough) {
  EXPECT_EQ(reason({hip("gfx90a"), hip("gfx942"), cuda("90a")}, amd("gfx942")), "");
  EXPECT_EQ(reason({hip("gfx90a"), hip("gfx942"), cuda("90a")}, nvidia("90")), "");
}

TEST(match, judges_each_gpu_and_claims_nothing_without_targets) {
  auto first = amd("gfx90a");
  auto second = amd("gfx942");
  second.id = 7;
  EXPECT_EQ(match({hip("gfx90a")}, {first, second}),
            (match_result{true, {{0, true, ""}, {7, false, "built for gfx90a, this is gfx942"}}}));
  EXPECT_EQ(match({}, {first, second}), (match_result{false, {}}));
  EXPECT_EQ(match({hip("gfx90a")}, {}), (match_result{true, {}}));
}

TEST(compare_label, table) {
  struct row {
    std::vector<target> label;
    std::vector<target> kernels;
    std::string want;
  };
  const row rows[] = {
      {{}, {hip("gfx90a")}, ""},
      {{hip("gfx90a")}, {}, ""},
      {{hip("gfx90a", 64)}, {hip("gfx90a", 0, feature::any, feature::any)}, ""},
      {{cuda("90", 32)}, {cuda("90a")}, ""},
      {{cuda("100")}, {cuda("100f")}, ""},
      {{cuda("100a")}, {cuda("100f")}, "label says sm_100a, kernels are built for sm_100f"},
      {{hip("gfx942")}, {hip("gfx90a")}, "label says gfx942, kernels are built for gfx90a"},
      {{hip("gfx942")},
       {hip("gfx90a"), hip("gfx942")},
       "label says gfx942, kernels are built for gfx90a and gfx942"},
      {{hip("gfx90a"), hip("gfx942")},
       {hip("gfx942")},
       "label says gfx90a and gfx942, kernels are built for gfx942"},
      {{hip("gfx1100", 32)},
       {hip("gfx1100", 64)},
       "label says gfx1100 with warp size 32, kernels are built for gfx1100 with warp size 64"},
      {{cuda("90")}, {hip("gfx90a")}, "label says sm_90, kernels are built for gfx90a"},
  };
  for (const auto& r : rows) EXPECT_EQ(compare_label(r.label, r.kernels), r.want);
}

TEST(parse_target, understands_what_producers_write) {
  auto parsed = [](std::string_view backend, std::string_view arch, uint32_t warp) {
    auto out = parse_target(backend, arch, warp);
    EXPECT_TRUE(out) << arch << ": " << out.error().message;
    return out.value_or(target{});
  };
  EXPECT_EQ(parsed("cuda", "75", 32), cuda("75", 32));
  EXPECT_EQ(parsed("cuda", "sm_75", 0), cuda("75"));
  EXPECT_EQ(parsed("cuda", "sm_90a", 32), cuda("90a", 32));
  EXPECT_EQ(parsed("hip", "gfx90a", 64), hip("gfx90a", 64));
  EXPECT_EQ(parsed("hip", "gfx90a:sramecc+:xnack-", 64),
            hip("gfx90a", 64, feature::off, feature::on));
  EXPECT_EQ(parsed("hip", "gfx11-generic", 32), hip("gfx11-generic", 32));
}

TEST(parse_target, says_why_not) {
  struct row {
    std::string_view backend;
    std::string_view arch;
    uint32_t warp;
    std::string_view want;
  };
  const row rows[] = {
      {"cuda", "sm_12.9", 32, "'sm_12.9' looks like a version of CUDA"},
      {"cuda", "9.0", 0, "looks like a version of CUDA"},
      {"cuda", "", 0, "is not a compute capability"},
      {"cuda", "foo", 0, "is not a compute capability"},
      {"cuda", "sm_", 0, "is not a compute capability"},
      {"cuda", "gfx90a", 0, "is not a compute capability"},
      {"cuda", "75", 64, "warp size 64 where it can only be 32"},
      {"hip", "", 0, "is not a gfx target"},
      {"hip", "75", 0, "is not a gfx target"},
      {"hip", "gfx90a:", 0, "is not a gfx target"},
      {"hip", "gfx90a:xnack", 0, "is not a gfx target"},
      {"hip", "gfx90a:xnack+:xnack-", 0, "is not a gfx target"},
      {"hip", "gfx90a:cumode+", 0, "is not a gfx target"},
      {"hip", "gfx90a", 48, "warp size 48 where it can only be 32 or 64"},
      {"xpu", "90", 0, "'xpu' is neither 'cuda' nor 'hip'"},
      {"", "90", 0, "'' is neither"},
      {"hip", "gfx\n\x1b[31m", 0, "'gfx??[31m'"},
  };
  for (const auto& r : rows) {
    auto out = parse_target(r.backend, r.arch, r.warp);
    ASSERT_FALSE(out) << r.arch;
    EXPECT_EQ(out.error().code, errc::invalid_argument);
    EXPECT_NE(out.error().message.find(r.want), std::string::npos) << out.error().message;
  }
}

}  // namespace gkm::gpus
