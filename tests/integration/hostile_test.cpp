// Archives that could do harm, through the real program: refused, and nothing is left of them.
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gkm::support {
namespace {

using testing::HasSubstr;

const std::string content = "io.triton.cache/";

struct hostile_archive {
  std::string name;
  tests::tar_builder tar;
  std::string mentioned;  ///< what the error names
};

tests::tar_builder harmless() { return kernel_layer(); }

std::vector<hostile_archive> hostile_archives() {
  return {
      {"absolute-up", harmless().file("/../" + content + "evil", "x"), "evil"},
      {"parent", harmless().file(content + "../../canary", "x"), "canary"},
      {"symlink-out", harmless().symlink(content + "link", "../../../etc"), "link"},
      {"symlink-absolute", harmless().symlink(content + "link", "/etc/passwd"), "link"},
      {"through-link",
       harmless()
           .directory(content + "real/")
           .symlink(content + "link", "real")
           .file(content + "link/file", "x"),
       "link"},
      {"hard-link-out", harmless().hard_link(content + "link", "/etc/passwd"), "link"},
      {"hard-link-up", harmless().hard_link(content + "link", "../outside"), "link"},
      {"device", harmless().add({content + "dev", '3', "", 0644, "", {}}), "dev"},
      {"fifo", harmless().add({content + "pipe", '6', "", 0644, "", {}}), "pipe"},
      {"setuid", harmless().file(content + "tool", "x", 04755), "tool"},
      {"setgid", harmless().file(content + "tool", "x", 02755), "tool"},
      {"whiteout", harmless().file(content + ".wh.add_kernel", ""), ".wh.add_kernel"},
      {"twice", harmless().file(content + "same", "a").file(content + "same", "b"), "same"},
  };
}

class hostile : public testing::Test {
protected:
  void SetUp() override {
    for (const auto& a : hostile_archives())
      write_layout(layout(), a.name, cache_image().layer(a.tar.finished()));
    write_layout(layout(), "good", good_);
    write_whole(bench_.root() / "canary", "alive");
  }
  void TearDown() override { EXPECT_EQ(read_whole(bench_.root() / "canary"), "alive"); }
  std::string layout() const { return bench_.root() / "layout"; }
  std::string image(const std::string& tag) const { return "oci:" + layout() + ":" + tag; }

  workbench bench_;
  const cache_image good_ = cache_image().layer(kernel_layer(0x3f, 1000).finished());
};

TEST_F(hostile, archives_are_refused_by_pull) {
  auto parent = bench_.root() / "parent";
  std::filesystem::create_directory(parent);
  for (const auto& a : hostile_archives()) {
    auto said = bench_.gkm({"pull", image(a.name), parent / "to"});
    EXPECT_EQ(said.code, 6) << a.name << said.err;
    EXPECT_THAT(said.err, HasSubstr(a.mentioned)) << a.name;
    EXPECT_EQ(tree_of(parent).size(), 0U) << a.name;
  }
}

TEST_F(hostile, archives_are_refused_by_up_and_heal_with_the_image) {
  auto up = bench_.up();
  for (const auto& a : hostile_archives()) bench_.want(a.name, image(a.name));
  for (const auto& a : hostile_archives()) {
    auto s = bench_.wait_error(a.name, errc::refused);
    EXPECT_THAT(s.message, HasSubstr(a.mentioned)) << a.name;
    EXPECT_EQ(s.path, "") << a.name;
  }
  bench_.wait_store(0);
  for (const auto& a : hostile_archives()) bench_.want(a.name, image("good"));
  for (const auto& a : hostile_archives())
    EXPECT_EQ(bench_.wait_ready(a.name).stored.manifest.str(), good_.digest());
  bench_.wait_store(1);
}

TEST_F(hostile, layers_that_are_damaged_or_none) {
  auto tar = kernel_layer(0x3f, 200'000).finished();
  auto whole = cache_image().layer(tar).stored_layer();
  auto flipped = whole;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x40);
  auto other = kernel_layer(0x3f, 200'001).finished();
  const std::map<std::string, cache_image> damaged{
      {"truncated", cache_image().layer_as(tar, whole.substr(0, whole.size() / 2), packing::gzip)},
      {"flipped", cache_image().layer_as(tar, flipped, packing::gzip)},
      {"not-gzip", cache_image().layer_as(tar, "this is no gzip stream", packing::gzip)},
      {"not-tar", cache_image().layer(std::string(4096, 'x'))},
      {"empty", cache_image().layer("", packing::plain)},
      {"cut-tar", cache_image().layer(tar.substr(0, tar.size() / 2))},
      {"wrong-diff-id", cache_image().layer_as(other, whole, packing::gzip)},
      {"no-layers", cache_image()},
  };
  auto up = bench_.up();
  auto parent = bench_.root() / "parent";
  std::filesystem::create_directory(parent);
  for (const auto& [name, i] : damaged) {
    write_layout(layout(), name, i);
    bench_.want(name, image(name));
    auto said = bench_.gkm({"pull", image(name), parent / "to"});
    EXPECT_EQ(said.code, 6) << name << said.err;
    EXPECT_THAT(said.err, HasSubstr(layout())) << name;
    EXPECT_EQ(tree_of(parent).size(), 0U) << name;
  }
  for (const auto& [name, i] : damaged)
    bench_.wait_for(name, "fails", [](const cache_status& s) {
      return s.state == cache_state::error &&
             (s.code == errc::malformed || s.code == errc::corrupt);
    });
  bench_.wait_store(0);
}

TEST_F(hostile, a_blob_on_disk_that_is_not_what_its_name_says) {
  auto blob = std::filesystem::path(layout()) / "blobs" / "sha256" / good_.layer_digest().substr(7);
  auto whole = read_whole(blob);
  auto up = bench_.up();
  for (const auto& wrong :
       {whole.substr(0, whole.size() - 5), whole + "more", std::string(whole.size(), 'x')}) {
    write_whole(blob, wrong);
    auto said = bench_.gkm({"pull", image("good"), bench_.root() / "to"});
    EXPECT_EQ(said.code, 6) << said.err;
    EXPECT_FALSE(std::filesystem::exists(bench_.root() / "to"));
  }
  bench_.want("c", image("good"));
  auto s = bench_.wait_error("c", errc::corrupt);
  EXPECT_EQ(s.path, "");
  write_whole(blob, whole);
  bench_.wait_ready("c");
  bench_.wait_store(1);
}

}  // namespace
}  // namespace gkm::support
