#include "base/program/log.hpp"

#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <stdlib.h>

namespace gkm::base::log {
namespace {

/// What `f` writes to the log, without the time in front of it.
template <class F>
std::string logged(level at_least, bool json, F&& f) {
  testing::internal::CaptureStderr();
  configure(at_least, json);
  f();
  auto text = testing::internal::GetCapturedStderr();
  configure(level::warn, false);
  return json || text.empty() ? text : text.substr(text.find(' ') + 1);
}

std::string one_value(const std::string& value) {
  return logged(level::info, false, [&] { info("x", {{"k", value}}); });
}

/// Environment variables as a test wants them, and back.
class environment {
public:
  environment(const char* name, const char* value) : name_(name) {
    if (const char* before = ::getenv(name)) before_ = before;
    value ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~environment() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }

private:
  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace

TEST(log, writes_message_and_pairs_on_one_line) {
  auto line = logged(level::info, false, [] {
    info("Pulled", {{"image", "a/b:c"}, {"bytes", 7}, {"cold", true}});
  });
  EXPECT_EQ(line, "info Pulled image=a/b:c bytes=7 cold=true\n");
}

TEST(log, quotes_values_that_would_be_misread) {
  EXPECT_EQ(one_value("plain"), "info x k=plain\n");
  EXPECT_EQ(one_value(""), "info x k=\"\"\n");
  EXPECT_EQ(one_value("a b"), "info x k=\"a b\"\n");
  EXPECT_EQ(one_value("a=b"), "info x k=\"a=b\"\n");
  EXPECT_EQ(one_value("a\"b\\c"), "info x k=\"a\\\"b\\\\c\"\n");
  EXPECT_EQ(one_value("{} {0} %v"), "info x k=\"{} {0} %v\"\n");
}

TEST(log, a_value_can_neither_break_the_line_nor_speak_to_a_terminal) {
  EXPECT_EQ(one_value("a\nerror forged"), "info x k=\"a\\nerror forged\"\n");
  EXPECT_EQ(one_value("\033[2J\x7f"), "info x k=\"\\u001b[2J\\u007f\"\n");
  EXPECT_EQ(one_value(std::string("a\0b", 3)), "info x k=\"a\\u0000b\"\n");
}

TEST(log, keeps_utf_8) { EXPECT_EQ(one_value("\xc3\xa4"), "info x k=\xc3\xa4\n"); }

TEST(log, json_lines_parse_whatever_the_values_hold) {
  std::string every_byte;
  for (int c = 0; c < 256; ++c) every_byte += static_cast<char>(c);
  for (const auto& value :
       {std::string("plain"), std::string("a\"b\\c\n\t\r"), std::string("\xc3\xa4"), every_byte}) {
    auto line = logged(level::info, true, [&] { error("Failed", {{"k", value}, {"n", 1.5}}); });
    rapidjson::Document parsed;
    parsed.Parse<rapidjson::kParseValidateEncodingFlag>(line.data(), line.size());
    ASSERT_FALSE(parsed.HasParseError()) << line;
    EXPECT_EQ(std::string(parsed["msg"].GetString()), "Failed");
    EXPECT_EQ(std::string(parsed["level"].GetString()), "error");
    EXPECT_TRUE(parsed.HasMember("time"));
    if (value != every_byte) {
      EXPECT_EQ(std::string(parsed["k"].GetString()), value);
    }
  }
}

TEST(log, says_nothing_below_its_level) {
  auto all = [] {
    debug("d");
    info("i");
    warn("w");
    error("e");
  };
  EXPECT_EQ(logged(level::off, false, all), "");
  auto errors = logged(level::error, false, all);
  EXPECT_EQ(errors, "error e\n");
  auto lines = logged(level::debug, false, all);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 4);
}

TEST(log, level_names) {
  const std::vector<std::pair<std::string, level>> names{
      {"debug", level::debug}, {"info", level::info},    {"warn", level::warn},
      {"INFO", level::info},   {"Warning", level::warn}, {"ERROR", level::error},
      {"off", level::off},     {"trace", level::debug},
  };
  for (const auto& [text, expected] : names) EXPECT_EQ(parse_level(text), expected) << text;
  for (auto text : {"", "loud", "info ", "0"}) EXPECT_FALSE(parse_level(text)) << text;
}

TEST(log, the_environment_decides_and_unknown_words_do_not_count) {
  auto with = [](const char* gkm, const char* go) {
    environment a("GKM_LOG", gkm), b("GO_LOG", go);
    return level_from_environment(level::warn);
  };
  EXPECT_EQ(with(nullptr, nullptr), level::warn);
  EXPECT_EQ(with("debug", nullptr), level::debug);
  EXPECT_EQ(with(nullptr, "INFO"), level::info);
  EXPECT_EQ(with("error", "debug"), level::error);
  EXPECT_EQ(with("loud", "debug"), level::debug);
  EXPECT_EQ(with("", "loud"), level::warn);
}

}  // namespace gkm::base::log
