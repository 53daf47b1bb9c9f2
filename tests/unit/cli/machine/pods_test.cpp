#include "cli/machine/pods.hpp"

#include <gtest/gtest.h>

namespace gkm::cli {
namespace {

digest digest_of(char c) { return digest{std::string(64, c)}; }

cache_status status(const std::vector<digest>& used) {
  cache_status s;
  s.stored.manifest = digest_of('a');
  for (const auto& d : used)
    s.volumes.push_back({"csi-" + std::to_string(s.volumes.size()), s.ref, d, "default", "pod"});
  return s;
}

}  // namespace

TEST(pods, are_told_apart_by_the_digest_they_use) {
  auto a = digest_of('a'), b = digest_of('b');
  EXPECT_EQ(pods_cell(status({})), "-");
  EXPECT_EQ(pods_cell(status({a, a})), "2");
  EXPECT_EQ(pods_cell(status({a, b})), "1 +1 old");
  EXPECT_EQ(pods_cell(status({b, {}})), "0 +1 old +1 empty");
}

TEST(pods, of_a_cache_that_serves_nothing_are_old) {
  auto s = status({digest_of('a')});
  s.stored = {};
  EXPECT_EQ(pods_cell(s), "0 +1 old");
}

TEST(pods, old_digests_are_named_once) {
  auto a = digest_of('a'), b = digest_of('b'), c = digest_of('c');
  EXPECT_EQ(old_digests_cell(status({a, {}})), "-");
  EXPECT_EQ(old_digests_cell(status({c, b, a, b})), "bbbbbbbbbbbb, cccccccccccc");
}

}  // namespace gkm::cli
