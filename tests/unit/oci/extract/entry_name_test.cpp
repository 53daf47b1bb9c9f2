#include "oci/extract/entry_name.hpp"

#include <gtest/gtest.h>

namespace gkm::oci {

TEST(entry_name, place_is_told_by_the_first_component) {
  EXPECT_EQ(place_of("io.triton.cache").cache_type, "triton");
  EXPECT_EQ(place_of(".//./io.vllm.cache/x").cache_type, "vllm");
  EXPECT_EQ(place_of("/io.vllm.cache/x").cache_type, "vllm");
  EXPECT_EQ(place_of("../io.vllm.cache").cache_type, "vllm");
  EXPECT_EQ(place_of("io.triton.cache2/x").cache_type, "");
  EXPECT_EQ(place_of("usr/io.triton.cache/x").cache_type, "");
  EXPECT_EQ(place_of("usr/io.triton.cache/x").top, "usr");
  EXPECT_EQ(place_of("./..//").top, "");
  EXPECT_EQ(place_of("").top, "");
}

TEST(entry_name, path_is_normalised) {
  extract_limits limits;
  EXPECT_EQ(path_in_content("io.triton.cache", limits), "");
  EXPECT_EQ(path_in_content("./io.triton.cache/./", limits), "");
  EXPECT_EQ(path_in_content("io.triton.cache//a/.//b/", limits), "a/b");
  EXPECT_EQ(path_in_content("io.triton.cache/...", limits), "...");
  EXPECT_EQ(path_in_content("io.triton.cache/a\\b c", limits), "a\\b c");
}

TEST(entry_name, slashes_in_front_are_dropped) {
  extract_limits limits;
  EXPECT_EQ(path_in_content("/io.triton.cache/a", limits), "a");
  EXPECT_EQ(path_in_content("//./io.triton.cache", limits), "");
  EXPECT_FALSE(path_in_content("/../io.triton.cache/a", limits));
}

TEST(entry_name, absolute_targets_inside_the_content_become_relative) {
  auto target = [](std::string_view path, std::string_view to) {
    return target_in_content(path, to, "triton").value_or("none");
  };
  EXPECT_EQ(target("a", "/io.triton.cache/b/c"), "b/c");
  EXPECT_EQ(target("d/e/a", "/io.triton.cache/b"), "../../b");
  EXPECT_EQ(target("d/a", "/io.triton.cache"), "..");
  EXPECT_EQ(target("a", "/io.triton.cache/"), ".");
  EXPECT_EQ(target("a", "/io.vllm.cache/b"), "none");
  EXPECT_EQ(target("a", "/etc/passwd"), "none");
  EXPECT_EQ(target("a", "io.triton.cache/b"), "none");
  // What goes up after it went down is refused as every such target is.
  EXPECT_FALSE(check_symlink("a", target("a", "/io.triton.cache/b/../../x"), extract_limits()));
}

TEST(entry_name, symlinks_go_up_first_and_never_too_far) {
  extract_limits limits;
  for (auto [path, target] : {std::pair{"a", "b"},
                              {"a", "b/c/d"},
                              {"a", "./b"},
                              {"d/a", ".."},
                              {"d/e/a", "../../b/c"},
                              {"d/a", ".././b"}})
    EXPECT_TRUE(check_symlink(path, target, limits)) << path << " -> " << target;
  for (auto [path, target] : {std::pair{"a", ".."},
                              {"a", "./../b"},
                              {"d/a", "../../b"},
                              {"d/a", "b/.."},
                              {"d/a", "../b/../c"},
                              {"a", "/"},
                              {"a", ""}})
    EXPECT_FALSE(check_symlink(path, target, limits)) << path << " -> " << target;
}

TEST(entry_name, quotes_make_anything_fit_for_a_terminal) {
  EXPECT_EQ(in_quotes("a b"), "'a b'");
  EXPECT_EQ(in_quotes("größe"), "'größe'");
  EXPECT_EQ(in_quotes(std::string_view("a\n\0\x1b\x7f\xff", 6)), "'a\\x0a\\x00\\x1b\\x7f\\xff'");
  EXPECT_EQ(in_quotes("\xc2\x85"), "'\\xc2\\x85'");
  EXPECT_LT(in_quotes(std::string(5'000, 'x')).size(), 210U);
  EXPECT_LT(in_quotes(std::string(5'000, '\n')).size(), 210U);
}

}  // namespace gkm::oci
