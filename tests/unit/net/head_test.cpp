#include "net/head_parser.hpp"

#include <gtest/gtest.h>

#include <ctime>

namespace gkm::net {

using outcome = head_parser::outcome;

TEST(head_parser, lower_case_names_trimmed_values_joined_repeats) {
  head_parser p;
  EXPECT_EQ(p.feed("HTTP/1.1 200 OK\r\n"), outcome::more);
  EXPECT_EQ(p.feed("Content-TYPE: \t text/plain \r\n"), outcome::more);
  EXPECT_EQ(p.feed("Link: <a>\r\n"), outcome::more);
  EXPECT_EQ(p.feed("link:<b>\r\n"), outcome::more);
  EXPECT_EQ(p.feed("no colon here\r\n"), outcome::more);
  EXPECT_EQ(p.feed(": no name\r\n"), outcome::more);
  EXPECT_EQ(p.feed(" folded: line\r\n"), outcome::more);
  EXPECT_EQ(p.feed("\r\n"), outcome::block_ended);
  auto fields = p.take_fields();
  EXPECT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields["content-type"], "text/plain");
  EXPECT_EQ(fields["link"], "<a>, <b>");
}

TEST(head_parser, passes_over_what_is_no_field) {
  head_parser p;
  p.feed("HTTP/1.1 200 OK\r\n");
  p.feed("a\rb: c\r\n");
  p.feed("a b: c\r\n");
  p.feed("location: /x\rSet-Cookie: y\r\n");
  p.feed(std::string_view("etag: x\0y\r\n", 11));
  p.feed("link: a\tb \xc3\xa9\r\n");
  EXPECT_EQ(p.take_fields(), (std::map<std::string, std::string>{{"link", "a\tb \xc3\xa9"}}));
}

TEST(head_parser, an_interim_answer_leaves_nothing_behind) {
  head_parser p;
  p.feed("HTTP/1.1 103 Early Hints\r\n");
  p.feed("Link: early\r\n");
  EXPECT_EQ(p.feed("\r\n"), outcome::block_ended);
  p.feed("HTTP/2 200\r\n");
  p.feed("ETag: x\r\n");
  EXPECT_EQ(p.feed("\r\n"), outcome::block_ended);
  EXPECT_EQ(p.take_fields(), (std::map<std::string, std::string>{{"etag", "x"}}));
}

TEST(head_parser, bounds_lines_and_bytes) {
  head_parser lines;
  for (size_t i = 0; i < max_header_lines; ++i) ASSERT_EQ(lines.feed("a: b\r\n"), outcome::more);
  EXPECT_EQ(lines.feed("a: b\r\n"), outcome::too_big);
  head_parser bytes;
  EXPECT_EQ(bytes.feed("a: " + std::string(max_header_bytes - 3, 'x')), outcome::more);
  EXPECT_EQ(bytes.feed("\r\n"), outcome::too_big);
}

TEST(response_head, retry_after_as_seconds_or_date) {
  auto pause = [](const std::string& value) {
    return response_head{503, {{"retry-after", value}}, ""}.retry_after();
  };
  EXPECT_EQ(pause("17"), std::chrono::seconds{17});
  EXPECT_EQ(pause("0"), std::chrono::seconds{0});
  EXPECT_EQ(pause("99999999999999999999999"), std::chrono::hours{24 * 365});
  EXPECT_EQ(pause("Wed, 21 Oct 2015 07:28:00 GMT"), std::chrono::seconds{0});
  EXPECT_FALSE(pause("soon"));
  EXPECT_FALSE(pause("-5x"));
  EXPECT_FALSE(pause(""));
  auto later = std::time(nullptr) + 1000;
  std::tm utc{};
  gmtime_r(&later, &utc);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  auto until = pause(text);
  ASSERT_TRUE(until);
  EXPECT_GT(*until, std::chrono::seconds{0});
  EXPECT_LE(*until, std::chrono::seconds{1000});
}

}  // namespace gkm::net
