#include "messages/relocation.hpp"
#include "relocation/index_format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gkm::relocation {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// What each found literal spells, and that it is a literal.
std::vector<std::string> paths_in(const std::string& json) {
  auto found = read_triton_group(json);
  if (!found) return {"error: " + found.error().message};
  std::vector<std::string> out;
  for (const auto& p : found->paths) {
    EXPECT_EQ(json[p.begin], '"') << json;
    EXPECT_EQ(json[p.end - 1], '"') << json;
    out.push_back(p.path);
  }
  return out;
}

errc refusal(const std::string& json) {
  auto found = read_triton_group(json);
  return found ? errc::none : found.error().code;
}

}  // namespace

TEST(triton_group, is_told_by_its_name) {
  EXPECT_EQ(format_of("A/__grp__k.json"), index_format::triton_group);
  EXPECT_EQ(format_of("__grp__.json"), index_format::triton_group);
  EXPECT_EQ(format_of("x/vllm_compile_cache.py"), index_format::vllm_index);
  for (auto other : {"", "A/k.json", "__grp__k.json/k.ttir", "A/x__grp__k.json", "__grp__k",
                     "xvllm_compile_cache.py", "vllm_compile_cache.py/"})
    EXPECT_EQ(format_of(other), std::nullopt) << other;
}

TEST(triton_group, tells_its_children_and_where_they_stand) {
  const std::string json = R"( { "child_paths" : {"k.json": "/o/A/k.json" , "k.x":"/o/A/k.x"} } )";
  auto found = read_triton_group(json);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->paths.size(), 2u);
  for (const auto& p : found->paths)
    EXPECT_EQ(json.substr(p.begin, p.end - p.begin), '"' + p.path + '"');
  EXPECT_EQ(found->paths[1].path, "/o/A/k.x");
}

TEST(triton_group, decodes_escapes) {
  EXPECT_THAT(paths_in(R"({"child_paths": {"a": "\/o\/\u00e9\ud83d\ude00\"\\x"}})"),
              ElementsAre("/o/é😀\"\\x"));
  EXPECT_THAT(paths_in(R"({"child_paths": {"a\"\": \"": "/o/a"}})"), ElementsAre("/o/a"));
  EXPECT_THAT(paths_in(R"({"child\u005fpaths": {"a": "/o/a"}})"), ElementsAre("/o/a"));
}

TEST(triton_group, leaves_alone_what_is_no_child_path) {
  for (auto json : {
           R"({})",
           R"([])",
           R"("/o/a")",
           R"({"child_paths": ["/o/a"]})",
           R"({"child_paths": "/o/a"})",
           R"({"child_paths": null, "other": {"a": "/o/a"}})",
           R"({"child_paths": {"a": "oa", "b": "", "c": 1, "d": "/", "e": "../.."}})",
           R"({"child_paths": {"a": {"b": "/o/a"}, "c": ["/o/a"]}})",
           R"({"x": {"child_paths": {"a": "/o/a"}}})",
           R"([{"child_paths": {"a": "/o/a"}}])",
       })
    EXPECT_THAT(paths_in(json), IsEmpty()) << json;
  EXPECT_THAT(paths_in(R"({"child_paths": {"a": ["/x", {"b": "/x"}], "c": "/o/c"}, "d": "/x"})"),
              ElementsAre("/o/c"));
}

TEST(triton_group, takes_relative_paths) {
  EXPECT_THAT(paths_in(R"({"child_paths": {"a": "./c/A/a", "b": "A/b", "c": "../c"}})"),
              ElementsAre("./c/A/a", "A/b", "../c"));
}

TEST(triton_group, refuses_what_is_no_json) {
  for (auto json :
       {"", " ", "{", R"({"child_paths": {"a": "/o/a})", R"({"child_paths": {"a": "/o/a"})",
        R"({"child_paths": {"a": '/o/a'}})", R"({"child_paths": {"a": "/o/a"}} x)",
        "{\"child_paths\": {\"a\": \"/o/\xff\"}}", R"({"child_paths": {"a": "\ud800"}})"})
    EXPECT_EQ(refusal(json), errc::malformed) << json;
}

TEST(triton_group, is_bounded_in_depth_and_number) {
  EXPECT_EQ(refusal(std::string(1 << 20, '[')), errc::malformed);
  EXPECT_EQ(refusal("{\"a\": " + std::string(100, '[') + std::string(100, ']') + "}"),
            errc::malformed);
  std::string json = R"({"child_paths": {"a": "/b")";
  for (size_t i = 0; i < max_file_literals; ++i) json += R"(,"a":"/b")";
  EXPECT_EQ(refusal(json + "}}"), errc::limit_exceeded);
}

}  // namespace gkm::relocation
