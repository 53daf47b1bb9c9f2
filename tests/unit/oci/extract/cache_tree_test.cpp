#include "oci/extract/cache_tree.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <string>
#include <vector>

namespace gkm::oci {
namespace {

TEST(cache_tree, memory_is_a_matter_of_entries_however_long_their_names) {
  extract_limits limits;
  auto held_by = [&](const std::string& ending) {
    auto before = ::mallinfo2();
    cache_tree tree(limits);
    for (uint64_t i = 0; i < cache_entries_max; ++i) {
      EXPECT_TRUE(tree.count_entry());
      EXPECT_TRUE(tree.add_file(std::to_string(i) + ending, 0));
    }
    EXPECT_FALSE(tree.count_entry());
    auto after = ::mallinfo2();
    return after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
  };
  EXPECT_LE(held_by(std::string(225, 'n')), cache_entries_max * tree_entry_memory_max);
}

TEST(cache_tree, tells_paths_apart) {
  cache_tree tree({});
  tree.begin_layer();
  const std::vector<std::string> paths{"a", "b", "ab", "a0", std::string(4'000, 'a')};
  for (const auto& path : paths)
    EXPECT_EQ(*tree.add_file(path, 1), cache_tree::step::create) << path;
  EXPECT_FALSE(tree.add_file("a", 1));
  EXPECT_EQ(tree.files(), 5u);
}

}  // namespace
}  // namespace gkm::oci
