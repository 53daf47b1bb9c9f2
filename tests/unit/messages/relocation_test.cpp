#include "messages/relocation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gkm {
namespace {

using testing::HasSubstr;

const std::string head = "gkm-relocations 1\n";

result<relocation_list> parse(std::string_view text) {
  relocation_list list;
  auto done = parse_relocations(text, [&](relocated_file file) -> result<void> {
    list.push_back(std::move(file));
    return {};
  });
  if (!done) return fail(done.error());
  return list;
}

errc refusal(const std::string& lines) {
  auto list = parse(head + lines);
  return list ? errc::none : list.error().code;
}

/// The file with `old` at its literals.
relocated_file quoted(std::string_view content, std::string_view old, std::string suffix) {
  auto at = content.find(old);
  return {"f", content.size(), {{at, at + old.size(), std::move(suffix)}}};
}

}  // namespace

TEST(relocation_list, comes_back_as_it_was_printed) {
  relocation_list list{{"A/__grp__k.json", 100, {{10, 20, "A/k.cubin"}, {20, 22, "A b/é.json"}}},
                       {"x/vllm_compile_cache.py", max_relocated_file_bytes, {{0, 2, "x"}}}};
  EXPECT_EQ(parse(print_relocations(list)), list);
  EXPECT_EQ(parse(print_relocations({})), relocation_list{});
}

TEST(relocation_list, has_lines_that_people_can_read) {
  EXPECT_EQ(print_relocations({{"a b", 9, {{1, 5, "c d"}}}}), head + "F 9 a b\nP 1 5 c d\n");
}

TEST(relocation_list, must_begin_with_its_version) {
  for (auto text : {"", "\n", "gkm-relocations 2\n", "gkm-relocations 1", "F 9 a\nP 1 5 c\n"})
    EXPECT_FALSE(parse(text)) << text;
}

TEST(relocation_list, literals_must_lie_in_their_file_in_order) {
  const std::string file = "F 9 a\n";
  EXPECT_EQ(refusal(file + "P 0 9 b\n"), errc::none);
  for (auto literals :
       {"P 0 10 b\n", "P 8 9 b\n", "P 5 4 b\n", "P 9 9 b\n", "P 0 1 b\n", "P 9 0 b\n",
        "P 0 5 b\nP 4 9 b\n", "P 4 9 b\nP 0 4 b\n", "P 18446744073709551615 2 b\n",
        "P 1 18446744073709551616 b\n", "P -1 5 b\n", "P +1 5 b\n", "P 1  5 b\n", "P 1 5\n",
        "P 1 x b\n", "P 1\n", "P \n", "P\n", "P 0x1 5 b\n"})
    EXPECT_EQ(refusal(file + literals), errc::malformed) << literals;
}

TEST(relocation_list, names_a_file_once) {
  EXPECT_EQ(refusal("F 9 a\nP 0 9 b\nF 9 aa\nP 0 9 b\n"), errc::none);
  EXPECT_EQ(refusal("F 9 a\nP 0 9 b\nF 9 c\nP 0 9 b\nF 8 a\nP 0 8 b\n"), errc::malformed);
}

TEST(relocation_list, names_must_stay_inside_the_cache) {
  auto long_name = std::string(256, 'n');
  std::string long_path = "d";
  while (long_path.size() < 4'096) long_path += "/d";
  for (const auto& name :
       {std::string(""), std::string("/a"), std::string(".."), std::string("../a"),
        std::string("a/../b"), std::string("a/.."), std::string("."), std::string("a/./b"),
        std::string("a//b"), std::string("a/"), std::string("a\tb"), std::string("a\x7f"),
        std::string("a\0b", 3), std::string("a\rb"), std::string("\xff"),
        std::string("\xed\xa0\x80"), long_name, long_path}) {
    EXPECT_FALSE(can_be_listed(name)) << name;
    EXPECT_EQ(refusal("F 9 " + name + "\nP 0 9 b\n"), errc::malformed) << name;
    EXPECT_EQ(refusal("F 9 a\nP 0 9 " + name + "\n"), errc::malformed) << name;
  }
  EXPECT_FALSE(can_be_listed("a\nb"));
  for (auto name : {"a", "...", "..a/b..", "a b/'\"\\", "é", " "}) EXPECT_TRUE(can_be_listed(name));
}

TEST(relocation_list, lines_must_make_sense) {
  for (auto lines : {"\n", "X 1 a\n", "F 9 a\n", "F 9 a\nF 9 b\nP 0 9 c\n", "P 0 9 c\n", "F 9\n",
                     "F a\n", "F 8388609 a\nP 0 9 c\n", "F 9 a\nP 0 9 c", "F 9 a\nP 0 9 c\n\n",
                     "f 9 a\nP 0 9 c\n", "F 99999999999999999999 a\nP 0 9 c\n"})
    EXPECT_EQ(refusal(lines), errc::malformed) << lines;
}

TEST(relocation_list, cut_anywhere_never_invents_anything) {
  const auto text =
      print_relocations({{"a", 90, {{1, 5, "bc"}, {6, 9, "d"}}}, {"e", 7, {{0, 7, "f"}}}});
  const auto whole = *parse(text);
  for (size_t n = 0; n < text.size(); ++n) {
    auto list = parse(text.substr(0, n));
    if (!list) continue;
    ASSERT_LE(list->size(), whole.size());
    for (size_t i = 0; i < list->size(); ++i) EXPECT_EQ((*list)[i].path, whole[i].path);
  }
}

TEST(relocation_list, is_the_same_however_it_is_cut) {
  const relocation_list list{{"a", 90, {{1, 5, "bc"}, {6, 9, "d"}}}, {"e/f", 7, {{0, 7, "g"}}}};
  const auto text = print_relocations(list);
  for (size_t step = 1; step <= text.size(); ++step) {
    relocation_list read;
    relocation_reader reader([&](relocated_file file) -> result<void> {
      read.push_back(std::move(file));
      return {};
    });
    for (size_t at = 0; at < text.size(); at += step)
      ASSERT_TRUE(reader.take(std::string_view(text).substr(at, step)));
    ASSERT_TRUE(reader.end());
    EXPECT_EQ(read, list);
  }
}

TEST(relocation_list, a_line_without_an_end_is_not_kept) {
  relocation_reader reader([](const relocated_file&) { return result<void>(); });
  const std::string piece(1'000, 'x');
  result<void> taken;
  size_t pieces = 0;
  while (taken && pieces < 100) {
    taken = reader.take(piece);
    ++pieces;
  }
  EXPECT_LT(pieces, 10u);
}

TEST(relocation_list, has_limits) {
  std::string files;
  for (size_t i = 0; i <= max_relocated_files; ++i)
    files += "F 2 a" + std::to_string(i) + "\nP 0 2 b\n";
  EXPECT_EQ(refusal(files), errc::limit_exceeded);

  std::string literals = "F 4000000 a\n";
  for (size_t i = 0; i <= max_file_literals; ++i)
    literals += "P " + std::to_string(2 * i) + " " + std::to_string(2 * i + 2) + " b\n";
  EXPECT_EQ(refusal(literals), errc::limit_exceeded);

  EXPECT_EQ(refusal(std::string(max_relocations_bytes, 'x')), errc::limit_exceeded);
}

TEST(relocation_list, ends_where_its_reader_gives_up) {
  size_t seen = 0;
  auto done = parse_relocations(head + "F 2 a\nP 0 2 b\nF 2 c\nP 0 2 d\n",
                                [&](const relocated_file&) -> result<void> {
                                  ++seen;
                                  return fail(errc::no_space, "full");
                                });
  EXPECT_EQ(seen, 1u);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::no_space);
}

TEST(relocate, puts_the_mount_path_before_what_the_cache_has) {
  const std::string content = R"({"child_paths": {"k.json": "/old/A/k.json", "x": "/old/A/x"}})";
  auto file = quoted(content, R"("/old/A/k.json")", "A/k.json");
  auto second = content.find(R"("/old/A/x")");
  file.literals.push_back({second, second + 10, "A/x"});
  EXPECT_EQ(relocate(content, file, "/cache"),
            R"({"child_paths": {"k.json": "/cache/A/k.json", "x": "/cache/A/x"}})");
}

TEST(relocate, turns_single_and_triple_quotes_into_double_ones) {
  EXPECT_EQ(relocate("('/old/a',)", quoted("('/old/a',)", "'/old/a'", "a"), "/m"), "(\"/m/a\",)");
  const std::string triple = "u'''/old/a'''";
  EXPECT_EQ(relocate(triple, quoted(triple, "'''/old/a'''", "a"), "/m"), "u\"/m/a\"");
}

TEST(relocate, escapes_quotes_and_backslashes) {
  EXPECT_EQ(relocate("'/o'", quoted("'/o'", "'/o'", "s\\t'u"), "/m\"n\\"), R"("/m\"n\\/s\\t'u")");
}

TEST(relocate, does_not_double_the_slash_of_a_mount_path) {
  EXPECT_EQ(relocate("'/o'", quoted("'/o'", "'/o'", "a"), "/m//"), "\"/m/a\"");
  EXPECT_EQ(relocate("'/o'", quoted("'/o'", "'/o'", "a"), "/"), "\"/a\"");
}

TEST(relocate, refuses_a_mount_path_that_no_literal_can_hold) {
  const auto file = quoted("'/o'", "'/o'", "a");
  for (const auto& path :
       {std::string(""), std::string("m"), std::string("/a\nb"), std::string("/a\0", 3),
        std::string("/\x7f"), std::string("/\xff"), "/" + std::string(5'000, 'a')}) {
    auto out = relocate("'/o'", file, path);
    ASSERT_FALSE(out) << path;
    EXPECT_EQ(out.error().code, errc::invalid_argument);
  }
}

TEST(relocate, refuses_another_file_than_the_one_that_was_read) {
  auto file = quoted("'/o'", "'/o'", "a");
  auto longer = relocate("'/o' ", file, "/m");
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, errc::conflict);
  EXPECT_THAT(longer.error().message, HasSubstr("5 bytes instead of 4"));
  for (auto other : {"\"/o'", "'/o\"", "x/ox", " '/o", "    "})
    EXPECT_FALSE(relocate(other, file, "/m"));
}

TEST(relocate, refuses_literals_that_no_reader_would_have_let_through) {
  const std::string content = "''''";
  for (const auto& literals : std::vector<std::vector<path_literal>>{{{0, 5, "a"}},
                                                                     {{3, 4, "a"}},
                                                                     {{0, 0, "a"}},
                                                                     {{3, 1, "a"}},
                                                                     {{0, 3, "a"}, {2, 4, "b"}},
                                                                     {{UINT64_MAX, 2, "a"}},
                                                                     {{0, UINT64_MAX, "a"}},
                                                                     {{0, 2, "../a"}},
                                                                     {{0, 2, ""}}})
    EXPECT_FALSE(relocate(content, {"f", content.size(), literals}, "/m"));
}

TEST(relocate, is_printed_in_pieces_and_knows_its_size_before) {
  const std::string content(20'000, '\'');
  relocated_file file{"f", content.size(), {}};
  for (uint64_t at = 0; at < content.size(); at += 2) file.literals.push_back({at, at + 2, "a\"b"});
  const auto path = "/" + std::string(2'000, 'm');
  auto made = relocated_content::make(content, file, path);
  ASSERT_TRUE(made) << made.error().message;
  uint64_t bytes = 0;
  size_t largest = 0;
  ASSERT_TRUE(made->print([&](std::string_view piece) -> result<void> {
    bytes += piece.size();
    largest = std::max(largest, piece.size());
    return {};
  }));
  EXPECT_EQ(bytes, made->bytes());
  EXPECT_LT(largest, 128u << 10);
  EXPECT_EQ(relocate(content, file, path)->size(), bytes);
}

TEST(relocate, does_not_grow_without_end) {
  const std::string content(200'000, '\'');
  relocated_file file{"f", content.size(), {}};
  for (uint64_t at = 0; at < content.size(); at += 2) file.literals.push_back({at, at + 2, "a"});
  auto out = relocate(content, file, "/" + std::string(4'000, 'm'));
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, errc::limit_exceeded);
}

}  // namespace gkm
