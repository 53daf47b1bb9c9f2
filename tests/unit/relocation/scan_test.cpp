#include "relocation/scan.hpp"

#include "base/files.hpp"
#include "tests/support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace gkm::relocation {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

list_sink sink(std::string* list) {
  return [list](std::string_view part) {
    if (list) *list += part;
    return result<void>();
  };
}

/// A cache's content, and the scan of all its files.
class content {
public:
  void put(const std::string& path, const std::string& text) const {
    fs::create_directories((dir_ / path).parent_path());
    std::ofstream(dir_ / path) << text;
  }
  /// A group file of kernel A/k with these children's paths.
  void put_group(const std::vector<std::string>& paths,
                 const std::string& name = "A/__grp__k.json") const {
    std::string children;
    for (const auto& path : paths)
      children += (children.empty() ? "" : ", ") + ("\"" + path + "\": \"" + path + "\"");
    put(name, "{\"child_paths\": {" + children + "}}");
  }

  scan_report scan(std::string* list = nullptr) const {
    index_files index;
    for (const auto& entry : fs::recursive_directory_iterator(dir_.path()))
      index.begin(entry.path().lexically_relative(dir_.path()).string(), 0);
    auto report = relocation::scan(dir_.path(), index, sink(list), {});
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : scan_report{};
  }

  relocation_list list() const {
    relocation_list list;
    std::string text;
    scan(&text);
    if (text.empty()) return list;
    auto parsed = parse_relocations(text, [&](relocated_file f) -> result<void> {
      list.push_back(std::move(f));
      return {};
    });
    EXPECT_TRUE(parsed);
    return list;
  }

  std::vector<std::string> suffixes() const {
    std::vector<std::string> out;
    for (const auto& file : list())
      for (const auto& literal : file.literals) out.push_back(literal.suffix);
    return out;
  }

  const fs::path& path() const { return dir_.path(); }

private:
  support::temp_dir dir_;
};

}  // namespace

TEST(scan, lists_files_with_what_the_cache_has_of_their_paths) {
  content c;
  c.put("A/k.json", "{}");
  c.put_group({"/old/.triton/cache/A/k.json"});
  c.put("t/rank_0_0/artifact", "");
  c.put("t/rank_0_0/vllm_compile_cache.py", "{(1, 2): ('x', '/home/u/vllm/t/rank_0_0/artifact')}");
  EXPECT_THAT(c.suffixes(), ElementsAre("A/k.json", "t/rank_0_0/artifact"));
  auto list = c.list();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].path, "A/__grp__k.json");
  EXPECT_EQ(list[0].bytes, fs::file_size(c.path() / "A/__grp__k.json"));
  EXPECT_EQ(c.scan().files, 2u);
  EXPECT_THAT(c.scan().problems, IsEmpty());
}

TEST(scan, takes_the_longest_suffix) {
  content c;
  c.put("k", "");
  c.put("A/k", "");
  c.put("cache/A/k", "");
  c.put_group({"/old/cache/A/k", "/old/A/k", "/old/B/k", "//cache/./A//k/"});
  EXPECT_THAT(c.suffixes(), ElementsAre("cache/A/k", "A/k", "k", "cache/A/k"));
}

TEST(scan, takes_directories) {
  content c;
  c.put("A/artifact/x", "");
  c.put_group({"/old/A/artifact"});
  EXPECT_THAT(c.suffixes(), ElementsAre("A/artifact"));
}

TEST(scan, leaves_alone_what_the_cache_does_not_have) {
  content c;
  c.put("A/k", "");
  c.put_group({"/usr/lib/libdevice.bc", "/..", "/A/k/x", "/old/A/K", "/A/k/../K"});
  EXPECT_EQ(c.scan().files, 0u);
  EXPECT_THAT(c.scan().problems, IsEmpty());
}

TEST(scan, finds_relative_paths_and_such_with_dots) {
  content c;
  c.put("A/k", "");
  c.put("with space/k", "");
  c.put_group({"./cache/A/k", ".triton/cache/A/k", "../up/A/k", "A/k", "/old/x/../A/./k",
               "../../a/b/../A/k", "./with space/k"});
  EXPECT_THAT(c.suffixes(), ElementsAre("A/k", "A/k", "A/k", "A/k", "A/k", "A/k", "with space/k"));
  EXPECT_THAT(c.scan().problems, IsEmpty());
}

TEST(scan, says_which_relative_paths_lead_nowhere) {
  content c;
  c.put("A/k", "");
  c.put_group({"./cache/A/k", "./cache/B/k", "../C/k"});
  EXPECT_THAT(c.suffixes(), ElementsAre("A/k"));
  EXPECT_THAT(c.scan().problems, ElementsAre(HasSubstr("2 relative paths name nothing")));
}

TEST(scan, goes_nowhere_through_links) {
  support::temp_dir outside;
  std::ofstream(outside / "secret") << "x";
  content c;
  c.put("A/k", "");
  fs::create_directory_symlink(outside.path(), c.path() / "out");
  fs::create_symlink(outside / "secret", c.path() / "A/link");
  fs::create_directory_symlink("A", c.path() / "inside");
  c.put_group({"/old/out/secret", "/old/A/link", "/old/inside/k"});
  EXPECT_THAT(c.suffixes(), ElementsAre("inside/k"));
}

TEST(scan, ignores_what_is_neither_file_nor_directory) {
  content c;
  c.put("A/k", "");
  ASSERT_EQ(::mkfifo((c.path() / "A/fifo").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((c.path() / "A/__grp__fifo.json").c_str(), 0600), 0);
  c.put_group({"/old/A/fifo", "/old/A/k"});
  EXPECT_THAT(c.suffixes(), ElementsAre("A/k"));
  EXPECT_THAT(c.scan().problems, ElementsAre(HasSubstr("no regular file")));
}

TEST(scan, says_which_indexes_cannot_be_read) {
  content c;
  c.put("A/k", "");
  c.put_group({"/old/A/k"});
  c.put("v/vllm_compile_cache.py", "{1: open('/A/k')}");
  c.put("B/__grp__k.json", std::string(max_relocated_file_bytes + 1, ' '));
  EXPECT_THAT(c.suffixes(), ElementsAre("A/k"));
  EXPECT_THAT(c.scan().problems,
              ElementsAre(HasSubstr("'B/__grp__k.json'"), HasSubstr("'v/vllm_compile_cache.py'")));
}

TEST(scan, has_few_problems_however_many_there_are) {
  content c;
  for (int i = 0; i < 100; ++i) c.put("A/__grp__" + std::to_string(i) + ".json", "{");
  auto problems = c.scan().problems;
  EXPECT_LE(problems.size(), 12u);
  EXPECT_THAT(problems.back(), HasSubstr("92 files more"));
}

TEST(scan, says_how_many_paths_cannot_be_replaced) {
  content c;
  c.put("A/k", "");
  c.put("vllm_compile_cache.py", "{1: r'/old/A/k'}");
  EXPECT_EQ(c.scan().files, 0u);
  EXPECT_THAT(c.scan().problems, ElementsAre(HasSubstr("1 path is written")));
}

TEST(scan, notes_no_name_that_cannot_be_listed) {
  index_files index;
  for (auto name : {"a\nb/__grp__k.json", "../__grp__k.json", "/__grp__k.json"})
    index.begin(name, 0);
  index.begin("A/__grp__k.json", 0);
  index.begin("A/k.json", 0);
  EXPECT_THAT(index.names(), ElementsAre("A/__grp__k.json"));
}

TEST(scan, takes_no_more_names_than_a_list_does) {
  index_files index;
  for (size_t i = 0; i < max_relocated_files + 7; ++i)
    index.begin("__grp__" + std::to_string(i) + ".json", 0);
  EXPECT_EQ(index.names().size(), max_relocated_files);
  EXPECT_EQ(index.left_out(), 7u);
}

TEST(scan, ends_when_nobody_wants_it) {
  content c;
  c.put_group({"/old/A/k"});
  index_files index;
  index.begin("A/__grp__k.json", 0);
  std::stop_source stop;
  stop.request_stop();
  auto report = scan(c.path(), index, sink(nullptr), stop.get_token());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, errc::cancelled);
}

TEST(scan, leaves_alone_what_is_right_for_its_home) {
  content c;
  c.put("A/k", "");
  c.put_group({"/home/cache/A/k", "/home/cache2/A/k", "/home/cacheA/k"});
  index_files index;
  index.begin("A/__grp__k.json", 0);
  auto count = [&](std::string_view home) {
    std::string list;
    EXPECT_TRUE(scan(c.path(), index, sink(&list), {}, home));
    return std::count(list.begin(), list.end(), 'P');
  };
  EXPECT_EQ(count("/home/cache"), count("") - 1);
  EXPECT_EQ(count("/home"), count(""));
}

TEST(scan, hands_the_list_over_in_parts_and_stops_where_it_cannot_be_kept) {
  content c;
  c.put("A/k", "");
  index_files index;
  for (int i = 0; i < 4'000; ++i) {
    auto name = "A/__grp__" + std::to_string(i) + ".json";
    c.put_group({"/old/A/k"}, name);
    index.begin(name, 0);
  }
  std::string list;
  size_t longest = 0;
  auto keep = [&](std::string_view part) {
    longest = std::max(longest, part.size());
    list += part;
    return result<void>();
  };
  auto report = scan(c.path(), index, keep, {});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->files, 4'000u);
  EXPECT_LT(longest, list.size() / 2);
  size_t read = 0;
  EXPECT_TRUE(parse_relocations(list, [&](const relocated_file&) -> result<void> {
    ++read;
    return {};
  }));
  EXPECT_EQ(read, 4'000u);
  auto full = [](std::string_view) -> result<void> { return fail(errc::no_space, "full"); };
  report = scan(c.path(), index, full, {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, errc::no_space);
}

TEST(scan, fails_without_a_content_directory) {
  support::temp_dir dir;
  EXPECT_FALSE(scan(dir / "gone", {}, sink(nullptr), {}));
}

}  // namespace gkm::relocation
