// Index files of frameworks and the lists of what is in them: what is found can be rewritten, and
// reads back as it was written.
#include "messages/relocation.hpp"

#include "relocation/index_format.hpp"
#include "relocation/python_string.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

namespace gkm::fuzz {
namespace {

using namespace relocation;

constexpr std::string_view mount_path = "/m\"nt";
constexpr std::string_view suffix = "a'\\b";

relocated_file file_of(std::string_view text, const found_paths& found) {
  relocated_file file{"f", text.size(), {}};
  uint64_t free_from = 0;
  for (const auto& p : found.paths) {
    require(p.begin >= free_from && p.begin + 2 <= p.end && p.end <= text.size(),
            "a path has no place in the text");
    require(text[p.begin] == text[p.end - 1], "a path is no quoted text");
    require(p.path.find('/') != std::string::npos, "a path without a slash");
    file.literals.push_back({p.begin, p.end, std::string(suffix)});
    free_from = p.end;
  }
  return file;
}

void read_and_rewrite(index_format format, std::string_view text) {
  work_meter work;
  auto found = read_index(format, text);
  work.require_at_most(64 << 10, 256, text.size(), "an index file");
  if (!found) return;
  require(found->paths.size() <= max_file_literals, "too many paths");
  const auto file = file_of(text, *found);
  auto rewritten = relocate(text, file, mount_path);
  require_ok(rewritten, "what was found cannot be rewritten");
  auto again = read_index(format, *rewritten);
  require_ok(again, "what was rewritten cannot be read");
  require(again->paths.size() == found->paths.size(), "rewriting changed the number of paths");
  const auto wanted = std::string(mount_path) + "/" + std::string(suffix);
  for (const auto& p : again->paths) require(p.path == wanted, "a path reads other than written");
}

void read_group(std::string_view input) { read_and_rewrite(index_format::triton_group, input); }
void read_index_of_vllm(std::string_view input) {
  read_and_rewrite(index_format::vllm_index, input);
}

void read_literals(std::string_view input) {
  for (size_t at = 0; at < input.size(); ++at) {
    if (!begins_python_string(input, at)) continue;
    auto literal = read_python_string(input, at);
    if (!literal) continue;
    require(literal->quote >= at && literal->quote < literal->end && literal->end <= input.size(),
            "a literal has no place in the source");
  }
}

result<relocation_list> list_of(std::string_view text) {
  relocation_list list;
  auto done = parse_relocations(text, [&](relocated_file file) -> result<void> {
    list.push_back(std::move(file));
    return {};
  });
  if (!done) return fail(done.error());
  return list;
}

void read_list(std::string_view input) {
  work_meter work;
  require_round_trip(input, list_of,
                     [](const relocation_list& list) { return print_relocations(list); });
  work.require_at_most(64 << 10, 256, input.size(), "a relocation list");
}

// A mount path, a line with the list's lines joined by '|', the content.
void rewrite(std::string_view input) {
  auto [mount, after] = first_line(input);
  auto [joined, content] = first_line(after);
  std::string text(joined);
  std::replace(text.begin(), text.end(), '|', '\n');
  auto list = list_of(text);
  if (!list) return;
  for (const auto& file : *list) {
    auto rewritten = relocate(content, file, mount);
    if (!rewritten) continue;
    size_t room = content.size();
    for (const auto& l : file.literals) room += 2 * (mount.size() + l.suffix.size()) + 3;
    require(rewritten->size() <= room, "a file grew by more than its paths");
  }
}

}  // namespace

std::vector<subject> subjects() {
  const std::string list =
      "gkm-relocations 1\nF 20 A/x.json\nP 0 4 A/k\nP 4 20 b\nF 2 y\nP 0 2 z\n";
  return {
      {"triton_group",
       read_group,
       {R"({"child_paths": {"k.json": "/o/A/k.json", "\u0041": "\/o\/\"x\\"}})",
        R"({"child_paths":{},"more":["/x",{"child_paths":{"a":"/b"}}]})",
        R"({"child_paths":{"k":"\u002fx\ud83d\ude00"}})"}},
      {"vllm_index",
       read_index_of_vllm,
       {"{ (None, 0, 'inductor'): ( u'hash', '/o/a' \"b\"), # c\n ((1, 2), -1): ['''/o/d''', "
        "r'/e', b'\\x00', "
        "{'k': \"/o/\\u00e9\\N{DASH}\"}],}\n",
        "# an index\n{ # of\n'a':[{'b':'/v/1'},{'/v/2',},()],\\\n-1: (+2.5, 0x1f, 1_000, True, "
        "None, b'/b'),\r\n}",
        "{((1, 8), 0, 'x'): {'cache_key': 'k', 'graph_handle': ('artifact', '/o/artifact')}}"}},
      {"python_string",
       read_literals,
       {"'a' \"\"\"b\"\"\" br'\\x' rb'/' '\\x41\\101\\u00e9\\N{DASH}' '\\\n'"}},
      {"list", read_list, {list, "gkm-relocations 1\n"}},
      {"rewrite",
       rewrite,
       {"/mnt/cache\ngkm-relocations 1|F 18 A/x|P 3 9 A/k|P 11 16 b|\n{a:\"/o/k\", '/bc' }",
        "/\ngkm-relocations 1|F 4 f|P 0 4 s|\n'/a'"}},
  };
}

std::vector<std::string> tokens() {
  return {"\"child_paths\"",
          "'''",
          "\"\"\"",
          "b'",
          "r'",
          "rb'",
          "u'",
          "\\N{DASH}",
          "\\u002f",
          "\\x2f",
          "\\057",
          "'/o/x'",
          "\"/o/x\"",
          "None",
          "True",
          "1_0",
          "0x1f",
          "# c\n",
          "\\\n",
          "gkm-relocations 1\n",
          "F 8 a\n",
          "P 0 2 b\n",
          "..",
          "(",
          ")",
          "{",
          "}",
          "\xed\xa0\x80"};
}

}  // namespace gkm::fuzz
