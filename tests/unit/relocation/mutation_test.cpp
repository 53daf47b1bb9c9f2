// Index files and lists damaged in many ways, from a seed: nothing crashes, and whatever is
// accepted keeps its promises.
#include "messages/relocation.hpp"
#include "relocation/index_format.hpp"

#include <gtest/gtest.h>

#include <random>

namespace gkm::relocation {
namespace {

constexpr uint32_t seed = 4711;
constexpr int rounds = 20'000;

const std::string triton = R"({"child_paths": {"k.json": "/o/A/k.json", "\u0041": "\/o\/\"x\\"}})";
const std::string vllm =
    "{ (None, 0, 'inductor'): ( u'hash', '/o/a' \"b\"), # c\n"
    " ((1, 2), -1): ['''/o/d''', r'/e', b'\\x00', {'k': \"/o/\\u00e9\\N{DASH}\"}],}\n";

class mutator {
public:
  std::string operator()(std::string text) {
    for (auto n = below(4); n <= 4; ++n) step(text);
    return text;
  }

private:
  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }

  void step(std::string& text) {
    constexpr std::string_view spice("\0\xff\"'\\\n{}[](),:#/-9uNxrfb P", 26);
    auto at = below(text.size() + 1);
    auto n = below(std::min<size_t>(text.size() - at, 9) + 1);
    switch (below(5)) {
      case 0:
        text.erase(at, n);
        break;
      case 1:
        text.insert(at, 1, spice[below(spice.size())]);
        break;
      case 2:
        text.insert(at, text.substr(below(text.size() + 1), 20));
        break;
      case 3:
        text.resize(at);
        break;
      default:
        if (at < text.size()) text[at] = spice[below(spice.size())];
    }
  }

  std::mt19937 random_{seed};
};

void expect_sound(const std::string& text, const found_paths& found) {
  relocated_file file{"f", text.size(), {}};
  uint64_t free_from = 0;
  for (const auto& p : found.paths) {
    ASSERT_GE(p.begin, free_from) << text;
    ASSERT_LE(p.begin + 2, p.end) << text;
    ASSERT_LE(p.end, text.size()) << text;
    ASSERT_EQ(text[p.begin], text[p.end - 1]) << text;
    ASSERT_NE(p.path.find('/'), std::string::npos) << text;
    file.literals.push_back({p.begin, p.end, "a/b"});
    free_from = p.end;
  }
  ASSERT_TRUE(relocate(text, file, "/mnt")) << text;
}

/// What was rewritten is the same document with other paths.
void expect_rewritten(index_format format, const std::string& text, const found_paths& found) {
  relocated_file file{"f", text.size(), {}};
  for (const auto& p : found.paths) file.literals.push_back({p.begin, p.end, "a'\\b"});
  auto again = read_index(format, *relocate(text, file, "/m\"nt"));
  ASSERT_TRUE(again) << text << "\n" << again.error().message;
  ASSERT_EQ(again->paths.size(), found.paths.size()) << text;
  for (const auto& p : again->paths) ASSERT_EQ(p.path, "/m\"nt/a'\\b") << text;
}

void damage(index_format format, const std::string& original) {
  mutator mutate;
  int accepted = 0;
  for (int i = 0; i < rounds; ++i) {
    auto text = mutate(original);
    auto found = read_index(format, text);
    if (!found) continue;
    ++accepted;
    expect_sound(text, *found);
    expect_rewritten(format, text, *found);
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(accepted, rounds / 200);
}

}  // namespace

TEST(mutation, of_triton_groups) { damage(index_format::triton_group, triton); }
TEST(mutation, of_vllm_indexes) { damage(index_format::vllm_index, vllm); }

TEST(mutation, of_lists) {
  const auto original = print_relocations(
      {{"A/g.json", 90, {{1, 5, "A/b c"}, {6, 9, "d"}}}, {"e", 7, {{0, 7, "f"}}}});
  mutator mutate;
  int accepted = 0;
  for (int i = 0; i < rounds; ++i) {
    auto done = parse_relocations(mutate(original), [](const relocated_file& f) -> result<void> {
      EXPECT_TRUE(can_be_listed(f.path));
      EXPECT_FALSE(f.literals.empty());
      EXPECT_TRUE(relocate(std::string(f.bytes, '"'), f, "/m")) << f.path;
      return {};
    });
    accepted += done ? 1 : 0;
  }
  EXPECT_GT(accepted, rounds / 200);
}

}  // namespace gkm::relocation
