#include "oci/manifest.hpp"

#include <gtest/gtest.h>

namespace gkm::oci {
namespace {

cache_hints hints_of(const std::string& summary, const std::string& type = "triton") {
  return read_hints({{"cache." + type + ".image/summary", summary}}, {});
}

std::string one_target(const std::string& fields) { return R"({"targets":[{)" + fields + "}]}"; }

TEST(hints, read_triton_labels) {
  auto got = read_hints({{"cache.triton.image/entry-count", "3"},
                         {"cache.triton.image/cache-size-bytes", "74242"},
                         {"cache.triton.image/summary",
                          one_target(R"("backend":"hip","arch":"gfx90a","warp_size":64)")}},
                        {});
  EXPECT_EQ(got.cache_type, "triton");
  EXPECT_EQ(got.entry_count, 3U);
  EXPECT_EQ(got.size_bytes, 74242U);
  ASSERT_EQ(got.targets.size(), 1U);
  EXPECT_EQ(got.targets[0], (target{"hip", "gfx90a", 64}));
  EXPECT_EQ(got.problem, "");
}

TEST(hints, read_vllm_and_generic_labels) {
  auto vllm =
      read_hints({{"cache.vllm.image/format", "binary"},
                  {"cache.vllm.image/summary", one_target(R"("backend":"cuda","arch":"75")")},
                  {"cache.triton.image/entry-count", "9"}},
                 {});
  EXPECT_EQ(vllm.cache_type, "vllm");
  EXPECT_EQ(vllm.format, "binary");
  EXPECT_FALSE(vllm.entry_count);
  auto generic =
      read_hints({{"model.cache.image/type", "triton"},
                  {"model.cache.image/entry-count", "2"},
                  {"model.cache.image/cache-size-bytes", "10"},
                  {"model.cache.image/summary", one_target(R"("backend":"cuda","arch":90)")}},
                 {});
  EXPECT_EQ(generic.cache_type, "triton");
  EXPECT_EQ(generic.entry_count, 2U);
  EXPECT_EQ(generic.size_bytes, 10U);
  ASSERT_EQ(generic.targets.size(), 1U);
  EXPECT_EQ(generic.targets[0].arch, "90");
  EXPECT_EQ(read_hints({{"io.kserve.km/cache-type", "vllm"}}, {}).cache_type, "vllm");
  EXPECT_EQ(read_hints({{"io.kserve.km/cache-type", "else"}}, {}).cache_type, "");
}

TEST(hints, let_annotations_fill_only_what_labels_left_open) {
  auto got =
      read_hints({{"cache.triton.image/entry-count", "1"}},
                 {{"cache.triton.image/entry-count", "2"},
                  {"cache.triton.image/cache-size-bytes", "5"},
                  {"cache.vllm.image/format", "binary"},
                  {"cache.triton.image/summary", one_target(R"("backend":"cuda","arch":"80")")}});
  EXPECT_EQ(got.cache_type, "triton");
  EXPECT_EQ(got.entry_count, 1U);
  EXPECT_EQ(got.size_bytes, 5U);
  EXPECT_EQ(got.format, "");
  EXPECT_EQ(got.targets.size(), 1U);
  EXPECT_EQ(read_hints({}, {{"cache.vllm.image/variant", "compat"}}).cache_type, "vllm");
  EXPECT_EQ(read_hints({}, {}).cache_type, "");
}

TEST(hints, accept_every_way_to_write_an_architecture) {
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {R"("backend":"cuda","arch":"75")", "cuda", "75"},
      {R"("backend":"cuda","arch":75)", "cuda", "75"},
      {R"("backend":"cuda","arch":"sm_90a")", "cuda", "90a"},
      {R"("backend":"cuda","arch":"100f")", "cuda", "100f"},
      {R"("backend":"hip","arch":"gfx1100")", "hip", "gfx1100"},
      {R"("backend":"hip","arch":"gfx9-4-generic")", "hip", "gfx9-4-generic"},
  };
  for (const auto& [fields, backend, arch] : cases) {
    auto got = hints_of(one_target(fields));
    ASSERT_EQ(got.targets.size(), 1U) << fields << got.problem;
    EXPECT_EQ(got.targets[0].backend, backend);
    EXPECT_EQ(got.targets[0].arch, arch);
    EXPECT_EQ(got.problem, "");
  }
  auto got = hints_of(one_target(R"("backend":"hip","arch":"gfx90a:sramecc+:xnack-")"));
  ASSERT_EQ(got.targets.size(), 1U) << got.problem;
  EXPECT_EQ(got.targets[0].arch, "gfx90a");
  EXPECT_EQ(got.targets[0].sramecc, feature::on);
  EXPECT_EQ(got.targets[0].xnack, feature::off);
}

TEST(hints, drop_targets_that_cannot_be_and_say_why) {
  for (std::string fields :
       {R"("backend":"cuda","arch":"sm_12.9")", R"("backend":"cuda","arch":"7")",
        R"("backend":"cuda","arch":"gfx90a")", R"("backend":"cuda","arch":7.5)",
        R"("backend":"cuda","arch":"90x")", R"("backend":"cuda","arch":"1000")",
        R"("backend":"cuda","arch":"")", R"("backend":"cuda","arch":-75)", R"("backend":"cuda")",
        R"("backend":"hip","arch":90)", R"("backend":"hip","arch":"90a")",
        R"("backend":"hip","arch":"gfx")", R"("backend":"hip","arch":"gfx90a:")",
        R"("backend":"hip","arch":"gfx90a:magic+")", R"("backend":"xpu","arch":"75")",
        R"("arch":"75")", R"("backend":7,"arch":"75")",
        R"("backend":"cuda","arch":"75","warp_size":"32")",
        R"("backend":"cuda","arch":"75","warp_size":-1)"}) {
    auto got = hints_of(one_target(fields));
    EXPECT_TRUE(got.targets.empty()) << fields;
    EXPECT_NE(got.problem, "") << fields;
  }
  auto mixed = hints_of(
      R"({"targets":[{"backend":"cuda","arch":"sm_12.9"},{"backend":"cuda","arch":"75"}]})",
      "vllm");
  ASSERT_EQ(mixed.targets.size(), 1U);
  EXPECT_EQ(mixed.targets[0].arch, "75");
  EXPECT_NE(mixed.problem.find("sm_12.9"), std::string::npos);
}

TEST(hints, never_fail_on_rubbish) {
  for (std::string summary :
       {std::string(), std::string("{"), std::string("[]"), std::string("{}"), std::string("null"),
        std::string(R"({"targets":{}})"), std::string(R"({"targets":[1,null,"x",[]]})"),
        std::string("\xff\xfe"), std::string(100'000, '['),
        one_target(R"("backend":"cuda","arch":"75","x":")" + std::string(70'000, 'x') + "\"")}) {
    auto got = hints_of(summary);
    EXPECT_TRUE(got.targets.empty());
    EXPECT_NE(got.problem, "");
    EXPECT_LT(got.problem.size(), 500U);
  }
  auto bad_text = hints_of(one_target(R"("backend":"cuda","arch":"\u001b[31m")"));
  EXPECT_EQ(bad_text.problem.find('\x1b'), std::string::npos);
  for (std::string number : {"-1", "x", "1.5", "", " 1", "99999999999999999999999", "0x10"})
    EXPECT_FALSE(read_hints({{"cache.triton.image/entry-count", number}}, {}).entry_count)
        << number;
}

TEST(hints, keep_64_different_targets_at_most) {
  std::string list;
  for (int i = 0; i < 100; ++i)
    list += (i ? "," : "") + (R"({"backend":"cuda","arch":)" + std::to_string(100 + i) + "}");
  auto got = hints_of(R"({"targets":[)" + list + "]}");
  EXPECT_EQ(got.targets.size(), 64U);
  EXPECT_NE(got.problem, "");
  auto same =
      hints_of(R"({"targets":[{"backend":"cuda","arch":75},{"backend":"cuda","arch":"sm_75"}]})");
  EXPECT_EQ(same.targets.size(), 1U);
}

}  // namespace
}  // namespace gkm::oci
