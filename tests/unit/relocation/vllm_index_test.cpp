#include "messages/relocation.hpp"
#include "relocation/index_format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gkm::relocation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> paths_in(const std::string& python) {
  auto found = read_vllm_index(python);
  if (!found) return {"error: " + found.error().message};
  std::vector<std::string> out;
  for (const auto& p : found->paths) {
    EXPECT_EQ(python[p.begin], python[p.end - 1]) << python;
    out.push_back(p.path);
  }
  return out;
}

/// The one literal that is found, as it stands in the file.
std::string literal_in(const std::string& python) {
  auto found = read_vllm_index(python);
  if (!found) return "error: " + found.error().message;
  if (found->paths.size() != 1) return "not one";
  const auto& p = found->paths.front();
  return python.substr(p.begin, p.end - p.begin);
}

uint64_t unwritable_in(const std::string& python) {
  auto found = read_vllm_index(python);
  EXPECT_TRUE(found) << python;
  EXPECT_THAT(found->paths, IsEmpty());
  return found ? found->unwritable : 0;
}

errc refusal(const std::string& python) {
  auto found = read_vllm_index(python);
  return found ? errc::none : found.error().code;
}

}  // namespace

TEST(vllm_index, tells_the_artifacts_of_every_form) {
  EXPECT_THAT(paths_in("{   (None, 0, 'inductor'): (   'hash',\n"
                       "            '/o/inductor_cache/sy/a.py'),\n"
                       "    (None, 1, 'inductor'): (   'hash', '/o/b.py')}\n"),
              ElementsAre("/o/inductor_cache/sy/a.py", "/o/b.py"));
  EXPECT_THAT(paths_in("{((1, 2048), 0, 'inductor_standalone'): ('artifact', '/o/artifact')}"),
              ElementsAre("/o/artifact"));
  EXPECT_THAT(paths_in("{((1, 8), 0, 'inductor_standalone'): {'cache_key': 'k',\n"
                       "        'graph_handle': ('artifact', '/o/artifact')}}"),
              ElementsAre("/o/artifact"));
}

TEST(vllm_index, reads_all_that_a_literal_may_hold) {
  EXPECT_THAT(paths_in("# an index\n{ # of\n'a':[{'b':'/v/1'},{'/v/2',},()],\\\n"
                       "-1: (+2.5, 0x1f, 1_000, True, False, None, b'/bytes'),\r\n"
                       "\t2: (('/v/3')), } # end"),
              ElementsAre("/v/1", "/v/2", "/v/3"));
  EXPECT_THAT(paths_in("{}"), IsEmpty());
}

TEST(vllm_index, takes_values_only) {
  EXPECT_THAT(paths_in("{'/k': '/v', ('/k', ['/k']): {'/k': '/w'}}"), ElementsAre("/v", "/w"));
}

TEST(vllm_index, decodes_escapes) {
  EXPECT_THAT(paths_in(R"({1: '/a\\b\'\"\x41\101\u00e9\U0001F600\/\q'})"),
              ElementsAre("/a\\b'\"AAé😀\\/\\q"));
  EXPECT_THAT(paths_in("{1: '/a\\\nb', 2: '/c\\\r\nd', 3: '\\x2fe'}"),
              ElementsAre("/ab", "/cd", "/e"));
  EXPECT_THAT(paths_in(R"({1: "/it's", 2: '/say "x"'})"), ElementsAre("/it's", "/say \"x\""));
}

TEST(vllm_index, leaves_alone_what_spells_no_text) {
  EXPECT_THAT(paths_in(R"({1: '/a\N{BULLET}', 2: '/b\ud800', 3: '/c\U00110000', 4: '/d\x4'})"),
              IsEmpty());
}

TEST(vllm_index, covers_the_whole_of_a_string) {
  EXPECT_EQ(literal_in("{1: u'/a'}"), "'/a'");
  EXPECT_EQ(literal_in("{1: '''/a'b'''}"), "'''/a'b'''");
  EXPECT_EQ(literal_in("{1: \"\"\"/a\"\"\"}"), "\"\"\"/a\"\"\"");
  EXPECT_EQ(literal_in("{1: ('/a '\n    'b')}"), "'/a '\n    'b'");
  EXPECT_EQ(literal_in("{1: '' '/a' # x\n r'\\b'}"), "'' '/a' # x\n r'\\b'");
  EXPECT_THAT(paths_in("{1: ('/a '\n    'b')}"), ElementsAre("/a b"));
}

TEST(vllm_index, counts_what_cannot_be_replaced) {
  EXPECT_EQ(unwritable_in("{1: r'/a'}"), 1u);
  EXPECT_EQ(unwritable_in("{1: '/a' \"b\", r'/key': R\"\"\"/c\"\"\"}"), 2u);
}

TEST(vllm_index, refuses_what_is_no_literal_of_a_dict) {
  for (auto python : {"",
                      "'/a'",
                      "[]",
                      "{",
                      "{1",
                      "{1:",
                      "{1:2",
                      "{1:2,",
                      "{1 2}",
                      "{1: f'/a'}",
                      "{1: rf'/a'}",
                      "{1: ur'/a'}",
                      "{1: '/a}",
                      "{1: '/a\n'}",
                      "{1: '''/a'}",
                      "{1: '/a\\",
                      "{1: open('/a')}",
                      "{1: x}",
                      "{1: 2} {}",
                      "{1: 2} x",
                      "{1: (2]}",
                      "{1: --2}",
                      "{1: .}",
                      "{1: '/a' + '/b'}",
                      "{1: @}",
                      "import os",
                      "{1: '\xff'}",
                      "{'a': __import__('os')}",
                      "{1: 2\\",
                      "{1: #"})
    EXPECT_EQ(refusal(python), errc::malformed) << python;
  EXPECT_EQ(refusal(std::string("{1: '/a'\0}", 10)), errc::malformed);
}

TEST(vllm_index, says_where_it_stopped) {
  auto found = read_vllm_index("{1: open('/a')}");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("byte 8"));
}

TEST(vllm_index, is_bounded_in_depth_and_number) {
  for (auto c : {'{', '[', '('})
    EXPECT_EQ(refusal("{1:" + std::string(1 << 20, c)), errc::malformed);
  std::string python = "{1:[";
  for (size_t i = 0; i <= max_file_literals; ++i) python += "'/a',";
  EXPECT_EQ(refusal(python + "]}"), errc::limit_exceeded);
}

}  // namespace gkm::relocation
