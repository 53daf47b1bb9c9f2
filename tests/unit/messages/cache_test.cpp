#include "messages/cache.hpp"

#include <gtest/gtest.h>

namespace gkm {

TEST(cache_ref, takes_the_names_that_kubernetes_takes) {
  const std::string label63(63, 'a');
  const auto subdomain253 = label63 + "." + label63 + "." + label63 + "." + std::string(61, 'b');
  ASSERT_EQ(subdomain253.size(), 253u);
  const std::vector<std::pair<std::string, std::string>> good{
      {"default", "vector-add"}, {"", "vector-add"},   {"a", "b"},          {"0", "9"},
      {"kube-system", "a.b.c"},  {"cluster", "x-1.y"}, {label63, "a"},      {"", subdomain253},
      {"a--b", "a--b"},          {"ns", "1.2.3"},      {"default", label63}};
  for (const auto& [ns, name] : good) {
    auto ref = cache_ref::make(ns, name);
    ASSERT_TRUE(ref) << ref.error().message;
    EXPECT_EQ(*ref, (cache_ref{ns, name}));
    EXPECT_EQ(ref->is_cluster(), ns.empty());
  }
}

TEST(cache_ref, refuses_what_must_not_become_a_path) {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, std::string>> bad{
      {"default", ""},
      {"default", "."},
      {"default", ".."},
      {"default", "../x"},
      {"default", "a/b"},
      {"default", "a..b"},
      {"default", ".a"},
      {"default", "a."},
      {"default", "-a"},
      {"default", "a-"},
      {"default", "a.-b"},
      {"default", "A"},
      {"default", "a_b"},
      {"default", "a b"},
      {"default", "a\n"},
      {"default", "a\0b"s},
      {"default", "\xc3\xa4"},
      {"default", std::string(254, 'a')},
      {"..", "a"},
      {"a.b", "a"},
      {"a/b", "a"},
      {"-a", "a"},
      {"A", "a"},
      {"\0"s, "a"},
      {std::string(64, 'a'), "a"},
      {"default", std::string(1 << 20, '.')},
  };
  for (const auto& [ns, name] : bad) {
    auto ref = cache_ref::make(ns, name);
    ASSERT_FALSE(ref) << ns << '/' << name;
    EXPECT_EQ(ref.error().code, errc::invalid_argument);
    EXPECT_LT(ref.error().message.size(), 300u);
  }
}

TEST(cache_ref, an_error_shows_a_hostile_name_harmlessly) {
  auto escape = cache_ref::make("\033[31m", "a");
  ASSERT_FALSE(escape);
  EXPECT_NE(escape.error().message.find("'?[31m'"), std::string::npos) << escape.error().message;
  std::string umlauts;
  for (int i = 0; i < 60; ++i) umlauts += "x\xc3\xa4";
  auto cut = cache_ref::make("default", umlauts);
  ASSERT_FALSE(cut);
  for (char c : cut.error().message) EXPECT_TRUE(c >= ' ' && c <= '~');
}

TEST(cache_ref, says_what_kind_it_is) {
  EXPECT_EQ((cache_ref{"default", "x"}.str()), "GKMCache default/x");
  EXPECT_EQ((cache_ref{"", "x"}.str()), "ClusterGKMCache x");
}

TEST(cache_state, every_name_parses_back) {
  for (auto s : {cache_state::pending, cache_state::extracted, cache_state::running,
                 cache_state::outdated, cache_state::error}) {
    auto back = parse_cache_state(to_string(s));
    ASSERT_TRUE(back) << to_string(s);
    EXPECT_EQ(*back, s);
  }
}

TEST(cache_state, an_unknown_one_is_no_state) {
  for (auto text : {"", "pending", "Unknown", "Pending "}) EXPECT_FALSE(parse_cache_state(text));
  EXPECT_EQ(to_string(static_cast<cache_state>(200)), "Unknown");
}

}  // namespace gkm
