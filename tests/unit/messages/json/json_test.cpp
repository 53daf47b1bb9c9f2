#include "messages/json/json.hpp"

#include <gtest/gtest.h>

namespace gkm::json {
namespace {

/// What the reader says about `text` when `read` looks at it; empty if it is content.
std::string complaint(std::string_view text, const std::function<void(reader&)>& read) {
  auto parsed = parse_object<int>(text, [&](reader& in, int&) { read(in); });
  if (parsed) return "";
  bool too_many = parsed.error().message.find("has more than") != std::string::npos;
  EXPECT_EQ(parsed.error().code, too_many ? errc::limit_exceeded : errc::malformed);
  return parsed.error().message;
}

}  // namespace

TEST(json_reader, reads_each_type) {
  auto text = R"({"t": "x", "n": 18446744073709551615, "i": -9223372036854775808, "b": true,
                  "list": [{"t": "1"}, {"t": "2"}], "texts": ["a", "b"], "o": {"t": "y"}})";
  EXPECT_EQ(complaint(text,
                      [](reader& in) {
                        EXPECT_EQ(in.text("t"), "x");
                        EXPECT_EQ(in.number_or("n"), UINT64_MAX);
                        EXPECT_EQ(in.integer("i"), INT64_MIN);
                        EXPECT_TRUE(in.boolean_or("b"));
                        EXPECT_TRUE(in.has("o"));
                        EXPECT_FALSE(in.has("p"));
                        std::string seen;
                        in.each_object("list", 2, [&](reader e) { seen += e.text("t"); });
                        in.each_text("texts", 2, [&](const std::string& e) { seen += e; });
                        in.object("o", [&](reader o) { seen += o.text("t"); });
                        EXPECT_EQ(seen, "12aby");
                      }),
            "");
}

TEST(json_reader, what_is_optional_may_be_missing_or_null) {
  for (auto text : {"{}", R"({"x": null})"})
    EXPECT_EQ(complaint(text,
                        [](reader& in) {
                          EXPECT_EQ(in.text_or("x", "d"), "d");
                          EXPECT_EQ(in.number_or("x", 3), 3u);
                          EXPECT_EQ(in.integer_or("x", -3), -3);
                          EXPECT_TRUE(in.boolean_or("x", true));
                          in.each_object("x", 1, [](reader) { ADD_FAILURE(); });
                          in.each_text("x", 1, [](const std::string&) { ADD_FAILURE(); });
                          in.object("x", [](reader) { ADD_FAILURE(); });
                        }),
              "")
        << text;
}

TEST(json_reader, names_the_field_of_a_wrong_type) {
  using read = std::function<void(reader&)>;
  const read text = [](reader& in) { in.text("x"); };
  const read text_or = [](reader& in) { in.text_or("x"); };
  const read number = [](reader& in) { in.number_or("x"); };
  const read integer = [](reader& in) { in.integer("x"); };
  const read boolean = [](reader& in) { in.boolean_or("x"); };
  const read objects = [](reader& in) { in.each_object("x", 2, [](reader) {}); };
  const read texts = [](reader& in) { in.each_text("x", 2, [](const std::string&) {}); };
  const read object = [](reader& in) { in.object("x", [](reader) {}); };
  const std::vector<std::tuple<std::string, read, std::string>> table{
      {R"({})", text, "x is missing"},
      {R"({"x": null})", text, "x is missing"},
      {R"({"x": 1})", text, "x must be a string"},
      {R"({"x": []})", text_or, "x must be a string"},
      {R"({"x": -1})", number, "x must be a non-negative integer"},
      {R"({"x": 1.5})", number, "x must be a non-negative integer"},
      {R"({"x": "1"})", number, "x must be a non-negative integer"},
      {R"({"x": 18446744073709551616})", number, "x must be a non-negative integer"},
      {R"({})", integer, "x is missing"},
      {R"({"x": 9223372036854775808})", integer, "x must be an integer"},
      {R"({"x": true})", integer, "x must be an integer"},
      {R"({"x": 1})", boolean, "x must be true or false"},
      {R"({"x": {}})", objects, "x must be an array"},
      {R"({"x": [{}, 1]})", objects, "x[1] must be an object"},
      {R"({"x": [{}, {}, {}]})", objects, "x has more than 2 elements"},
      {R"({"x": "a"})", texts, "x must be an array"},
      {R"({"x": ["a", {}]})", texts, "x must hold strings only"},
      {R"({"x": ["a", "b", "c"]})", texts, "x has more than 2 elements"},
      {R"({"x": []})", object, "x must be an object"},
      {R"([])", text, "the document must be an object"},
      {R"("x")", text, "the document must be an object"},
  };
  for (const auto& [json, f, expected] : table) EXPECT_EQ(complaint(json, f), expected) << json;
}

TEST(json_reader, gives_the_whole_path) {
  EXPECT_EQ(complaint(R"({"node": {"gpus": [{"arch": "75"}, {"arch": 90}]}})",
                      [](reader& in) {
                        in.object("node", [](reader node) {
                          node.each_object("gpus", 8, [](reader g) { g.text("arch"); });
                        });
                      }),
            "node.gpus[1].arch must be a string");
}

TEST(json_reader, the_first_mistake_wins_and_ends_the_loop) {
  size_t seen = 0;
  EXPECT_EQ(complaint(R"({"x": [{"a": 1}, {"a": 2}], "b": 1})",
                      [&](reader& in) {
                        in.each_object("x", 8, [&](reader e) {
                          ++seen;
                          e.text("a");
                        });
                        in.text("b");
                        in.reject("c", "is wrong too");
                        EXPECT_FALSE(in.ok());
                      }),
            "x[0].a must be a string");
  EXPECT_EQ(seen, 1u);
}

TEST(json_parse, refuses_what_is_not_json) {
  const std::vector<std::string> bad{"",         "{",        "{} {}",       "{\"a\":}",
                                     "nul",      "{'a': 1}", "\"\\ud800\"", "\"\xff\"",
                                     "\"a\nb\"", "[1,]",     "NaN",         std::string(1, '\0')};
  for (const auto& text : bad) {
    auto parsed = parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, errc::malformed);
    EXPECT_NE(parsed.error().message.find("not valid JSON at byte "), std::string::npos);
  }
}

TEST(json_parse, refuses_what_is_nested_too_deep) {
  auto nested = [](size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(parse(nested(max_depth)));
  for (auto text : {nested(max_depth + 1), nested(1 << 20), std::string(1 << 20, '[')}) {
    auto parsed = parse(text);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error(), (error{errc::malformed, "nested more than 64 levels deep", {}}));
  }
}

TEST(json_parse, counts_no_brackets_in_strings_nor_closed_ones) {
  EXPECT_TRUE(parse("[\"\\\"" + std::string(1000, '[') + "\"]"));
  std::string siblings = "[";
  for (int i = 0; i < 1000; ++i) siblings += "[],";
  EXPECT_TRUE(parse(siblings + "{}]"));
}

TEST(json_reader, what_is_required_may_not_be_missing_or_null) {
  const auto require = [](reader& in) { in.require("x"); };
  EXPECT_EQ(complaint("{}", require), "x is missing");
  EXPECT_EQ(complaint(R"({"x": null})", require), "x is missing");
  EXPECT_EQ(complaint(R"({"x": []})", require), "");
}

TEST(json_reader, bounds_numbers) {
  const auto number = [](reader& in) { in.number("x", 64); };
  EXPECT_EQ(complaint(R"({"x": 64})", number), "");
  EXPECT_EQ(complaint(R"({"x": 65})", number), "x must be an integer from 0 to 64");
  EXPECT_EQ(complaint(R"({"x": -1})", number), "x must be an integer from 0 to 64");
  EXPECT_EQ(complaint("{}", number), "x is missing");
}

TEST(json_reader, refuses_control_characters_in_plain_text) {
  const auto plain = [](reader& in) { in.plain("x"); };
  EXPECT_EQ(complaint(R"({"x": "caf\u00e9"})", plain), "");
  EXPECT_EQ(complaint(R"({"x": "a\u001b[31m"})", plain), "x has control characters");
  EXPECT_EQ(complaint(R"({"x": "a\u0000"})", plain), "x has control characters");
  EXPECT_EQ(complaint("{}", plain), "x is missing");
}

}  // namespace gkm::json
