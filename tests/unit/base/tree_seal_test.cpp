#include "base/tree_seal.hpp"

#include "base/files.hpp"
#include "tests/support/build_tree.hpp"
#include "tests/support/temp_dir.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

namespace gkm::base {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

class tree_seal_test : public testing::Test {
protected:
  tree_seal_test() {
    fs::create_directories(root_ / "content" / "sub");
    write("a", "one");
    write("sub/b", "two");
    fs::create_symlink("sub/b", root_ / "content" / "link");
    dir_ = fd(::open(root_.c_str(), O_RDONLY | O_DIRECTORY));
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(root_ / "content" / name) << text;
  }
  tree_seal names() { return seal_names(dir_.get(), "content", "list").value(); }
  tree_seal content() { return seal_content(dir_.get(), "content", "list", {}).value(); }
  void see(seal_observer& o, const std::string& path, const std::string& text) {
    o.begin(path, text.size());
    o.data(std::as_bytes(std::span(text)));
    o.end();
  }

  support::temp_dir temp_;
  const fs::path root_ = temp_ / "stored";
  fd dir_;
};

TEST_F(tree_seal_test, tells_what_has_changed) {
  const auto was = content();
  EXPECT_EQ(was.entries, 4U);
  EXPECT_EQ(was.bytes, 6U);
  EXPECT_EQ(difference(was, content()), "");
  EXPECT_EQ(difference(was, names()), "");

  write("a", "ONE");
  EXPECT_EQ(difference(was, names()), "") << "only reading it tells";
  EXPECT_THAT(difference(was, content()), HasSubstr("content"));
  write("a", "one");
  EXPECT_EQ(difference(was, content()), "");

  write("a", "longer");
  EXPECT_THAT(difference(was, names()), HasSubstr("bytes"));
  fs::remove(root_ / "content" / "a");
  EXPECT_THAT(difference(was, names()), HasSubstr("1 of 4"));
  write("a", "one");
  write("c", "");
  EXPECT_THAT(difference(was, names()), HasSubstr("added"));
  fs::rename(root_ / "content" / "c", root_ / "content" / "a");
  write("a", "one");
  EXPECT_EQ(difference(was, content()), "");
  ::chmod((root_ / "content" / "a").c_str(), 0400);
  EXPECT_THAT(difference(was, names()), HasSubstr("modes"));
  ::chmod((root_ / "content" / "a").c_str(), 0644);
  fs::remove(root_ / "content" / "link");
  fs::create_symlink("sub/c", root_ / "content" / "link");
  EXPECT_THAT(difference(was, names()), HasSubstr("links"));
}

TEST_F(tree_seal_test, the_file_beside_the_tree_counts) {
  const auto without = content();
  std::ofstream(root_ / "list") << "x";
  const auto with = content();
  EXPECT_NE(difference(without, with), "");
  std::ofstream(root_ / "list") << "y";
  EXPECT_EQ(difference(with, names()), "");
  EXPECT_NE(difference(with, content()), "");
}

TEST_F(tree_seal_test, what_was_seen_while_it_was_written_is_the_same) {
  std::ofstream(root_ / "list") << "x";
  seal_observer seen;
  see(seen, "a", "one");
  see(seen, "sub/b", "two");
  EXPECT_EQ(seen.finish(dir_.get(), "content", "list", {}).value(), content());
}

TEST_F(tree_seal_test, what_was_replaced_or_linked_meanwhile_is_read) {
  fs::create_hard_link(root_ / "content" / "a", root_ / "content" / "same");
  seal_observer seen;
  see(seen, "a", "zero");
  see(seen, "a", "one");
  see(seen, "sub/b", "two");
  EXPECT_EQ(seen.finish(dir_.get(), "content", "list", {}).value(), content());
}

TEST_F(tree_seal_test, is_read_as_it_was_printed_and_by_earlier_versions) {
  auto seal = content();
  EXPECT_EQ(parse_tree_seal(print_tree_seal(seal)).value(), seal);
  EXPECT_EQ(parse_tree_seal(print_tree_seal(seal) + "owner 7\n").value(), seal);
  seal.content.clear();
  EXPECT_EQ(parse_tree_seal(print_tree_seal(seal)).value(), seal);
  for (const auto* bad : {"", "gkm tree seal 2\n", "gkm tree seal 1\nentries x\n",
                          "gkm tree seal 1\nentries 1\nbytes 1\n", "gkm tree seal 1\nnames abc\n"})
    EXPECT_FALSE(parse_tree_seal(bad)) << bad;
}

TEST_F(tree_seal_test, reads_no_faster_than_it_may_and_stops_at_once) {
  write("a", std::string(300'000, 'x'));
  auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(seal_content(dir_.get(), "content", "list", {1'000'000, {}}));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(250));
  std::stop_source stop;
  stop.request_stop();
  auto stopped = seal_content(dir_.get(), "content", "list", {1, stop.get_token()});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, errc::cancelled);
}

}  // namespace
}  // namespace gkm::base
