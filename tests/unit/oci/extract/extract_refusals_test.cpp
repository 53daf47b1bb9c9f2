// Layers that try to do harm. Each is refused, and nothing outside of the directory changes (the
// fixture looks after every test).
#include "extract_fixture.hpp"

namespace gkm::oci {
namespace {

const std::string in = "io.triton.cache/";

}  // namespace

struct hostile_layer {
  const char* name;
  tar_builder tar;
  const char* text;
};

void PrintTo(const hostile_layer& l, std::ostream* out) { *out << l.name; }

class extract_refusals_test : public extract_test,
                              public testing::WithParamInterface<hostile_layer> {};

TEST_P(extract_refusals_test, is_refused) {
  expect_error(run(GetParam().tar), errc::refused, {GetParam().text});
  EXPECT_FALSE(std::filesystem::exists(dir() / "canary"));
}

INSTANTIATE_TEST_SUITE_P(
    names, extract_refusals_test,
    testing::Values(
        hostile_layer{"absolute_dotdot", tar_builder().file("/../" + in + "a", ""), "'..'"},
        hostile_layer{"dotdot", tar_builder().file(in + "../../canary", "dead"), "'..'"},
        hostile_layer{"dotdot_inside", tar_builder().file(in + "a/../b", ""), "'..'"},
        hostile_layer{"dotdot_first", tar_builder().file("../" + in + "a", ""), "'..'"},
        hostile_layer{"dotdot_last", tar_builder().directory(in + "a/.."), "'..'"},
        hostile_layer{"pax_dotdot",
                      tar_builder().pax({{"path", in + "x/../../../canary"}}).file("a", "dead"),
                      "'..'"},
        hostile_layer{"gnu_dotdot",
                      tar_builder().gnu_long('L', in + "../../canary").file("a", "dead"), "'..'"},
        hostile_layer{"newline", tar_builder().file(in + "a\nb", ""), "control characters"},
        hostile_layer{"escape", tar_builder().file(in + "\x1b[2Ja", ""), "\\x1b"},
        hostile_layer{"c1_control", tar_builder().file(in + "\xc2\x9bx", ""), "control"},
        hostile_layer{"not_utf8", tar_builder().file(in + "\xff\xfe", ""), "UTF-8"},
        hostile_layer{"overlong_slash", tar_builder().file(in + "\xc0\xaf", ""), "UTF-8"},
        hostile_layer{"surrogate", tar_builder().file(in + "\xed\xa0\x80", ""), "UTF-8"},
        hostile_layer{"no_name", tar_builder().file(in + "a", "").file("", ""), "no name"}),
    [](const auto& i) { return i.param.name; });

INSTANTIATE_TEST_SUITE_P(
    kinds, extract_refusals_test,
    testing::Values(
        hostile_layer{"character_device", tar_builder().add({in + "a", '3', "", 0666, "", {}}),
                      "character device"},
        hostile_layer{"block_device", tar_builder().add({in + "a", '4', "", 0666, "", {}}),
                      "block device"},
        hostile_layer{"fifo", tar_builder().add({in + "a", '6', "", 0666, "", {}}), "fifo"},
        hostile_layer{"setuid", tar_builder().file(in + "a", "", 04755), "setuid"},
        hostile_layer{"setgid", tar_builder().file(in + "a", "", 02755), "setgid"},
        hostile_layer{"setuid_directory", tar_builder().directory(in + "a", 04755), "setuid"},
        hostile_layer{"content_is_a_file", tar_builder().file("io.triton.cache", ""),
                      "must be a directory"},
        hostile_layer{"content_is_a_symlink",
                      tar_builder().symlink("io.triton.cache", "..").file(in + "a", ""),
                      "must be a directory"},
        hostile_layer{"content_is_a_hard_link",
                      tar_builder().file(in + "a", "").hard_link("io.triton.cache", in + "a"),
                      "must be a directory"},
        hostile_layer{"whiteout", tar_builder().file(in + "d/.wh.a", ""), "whiteout"},
        hostile_layer{"opaque_whiteout", tar_builder().file(in + ".wh..wh..opq", ""), "whiteout"},
        hostile_layer{"whiteout_of_the_content",
                      tar_builder().file(in + "a", "").file(".wh.io.triton.cache", ""), "whiteout"},
        hostile_layer{"opaque_root", tar_builder().file("./.wh..wh..opq", ""), "whiteout"},
        hostile_layer{"gnu_sparse",
                      tar_builder()
                          .pax({{"GNU.sparse.size", "1000000"},
                                {"GNU.sparse.numblocks", "1"},
                                {"GNU.sparse.map", "999999,1"}})
                          .file(in + "a", "x"),
                      "sparse"}),
    [](const auto& i) { return i.param.name; });

INSTANTIATE_TEST_SUITE_P(
    links, extract_refusals_test,
    testing::Values(
        hostile_layer{"symlink_absolute", tar_builder().symlink(in + "a", "/etc"), "absolute"},
        hostile_layer{"symlink_leaves", tar_builder().symlink(in + "a", "../canary"), "leaves"},
        hostile_layer{"symlink_leaves_from_below",
                      tar_builder().symlink(in + "d/e/a", ".././../../canary"), "leaves"},
        // Each link alone stays inside, both together would not.
        hostile_layer{"symlink_up_after_down",
                      tar_builder().symlink(in + "a/b/c", "../..").symlink(in + "x", "a/b/c/../.."),
                      "'..' after a name"},
        hostile_layer{"symlink_to_nowhere", tar_builder().symlink(in + "a", ""), "nowhere"},
        hostile_layer{"symlink_control", tar_builder().symlink(in + "a", "x\ny"), "control"},
        hostile_layer{"pax_symlink_leaves",
                      tar_builder().pax({{"linkpath", "../../canary"}}).symlink(in + "a", "b"),
                      "leaves"},
        hostile_layer{"through_symlink",
                      tar_builder().directory(in + "d").symlink(in + "l", "d").file(in + "l/a", ""),
                      "beneath 'l'"},
        hostile_layer{
            "directory_through_symlink",
            tar_builder().directory(in + "d").symlink(in + "l", "d").directory(in + "l/a"),
            "beneath 'l'"},
        hostile_layer{"hard_link_through_symlink",
                      tar_builder()
                          .file(in + "d/f", "")
                          .symlink(in + "l", "d")
                          .hard_link(in + "h", in + "l/f"),
                      "no regular file"},
        hostile_layer{"file_over_symlink", tar_builder().symlink(in + "a", "b").file(in + "a", "x"),
                      "symbolic link"},
        hostile_layer{"directory_over_symlink",
                      tar_builder().symlink(in + "a", "b").directory(in + "a"), "symbolic link"},
        hostile_layer{"symlink_over_directory",
                      tar_builder().directory(in + "a").symlink(in + "a", "b"), "directory"},
        hostile_layer{"symlink_over_file", tar_builder().file(in + "a", "").symlink(in + "a", "b"),
                      "regular file"},
        hostile_layer{"hard_link_outside", tar_builder().hard_link(in + "a", "etc/passwd"),
                      "outside"},
        hostile_layer{"hard_link_absolute", tar_builder().hard_link(in + "a", "/etc/passwd"),
                      "outside"},
        hostile_layer{"hard_link_dotdot", tar_builder().hard_link(in + "a", in + "../../canary"),
                      "'..'"},
        hostile_layer{"hard_link_to_nothing", tar_builder().hard_link(in + "a", in + "b"),
                      "no regular file"},
        hostile_layer{"hard_link_to_symlink",
                      tar_builder().symlink(in + "l", "x").hard_link(in + "a", in + "l"),
                      "no regular file"},
        hostile_layer{"hard_link_to_itself", tar_builder().hard_link(in + "a", in + "a"),
                      "no regular file"},
        hostile_layer{
            "hard_link_over_file",
            tar_builder().file(in + "a", "").file(in + "b", "").hard_link(in + "b", in + "a"),
            "regular file"}),
    [](const auto& i) { return i.param.name; });

INSTANTIATE_TEST_SUITE_P(
    twice, extract_refusals_test,
    testing::Values(
        hostile_layer{"same_file", tar_builder().file(in + "a", "1").file(in + "./a", "2"),
                      "twice"},
        hostile_layer{"file_over_directory", tar_builder().directory(in + "a").file(in + "a", ""),
                      "directory"},
        hostile_layer{"directory_over_file", tar_builder().file(in + "a", "").directory(in + "a"),
                      "regular file"},
        hostile_layer{"beneath_file", tar_builder().file(in + "a", "").file(in + "a/b/c", ""),
                      "beneath 'a'"}),
    [](const auto& i) { return i.param.name; });

// What one layer may not do to itself, a later one may not do to it either.
TEST_F(extract_test, later_layer_replaces_nothing_but_regular_files) {
  struct {
    tar_builder first, second;
  } cases[] = {
      {tar_builder().symlink(in + "a", "b"), tar_builder().file(in + "a", "x")},
      {tar_builder().directory(in + "a"), tar_builder().file(in + "a", "x")},
      {tar_builder().file(in + "a", ""), tar_builder().directory(in + "a")},
      {tar_builder().file(in + "a", ""), tar_builder().symlink(in + "a", "b")},
      {tar_builder().file(in + "a", ""), tar_builder().file(in + "a/b", "x")},
      {tar_builder().directory(in + "d").symlink(in + "l", "d"),
       tar_builder().file(in + "l/a", "")},
      {tar_builder().file(in + "a", ""), tar_builder().file(in + ".wh.a", "")},
      {tar_builder().file(in + "a", ""), tar_builder().file(".wh.io.triton.cache", "")},
      {tar_builder().symlink(in + "l", "d"), tar_builder().symlink(in + "l", "e")},
  };
  for (const auto& c : cases) {
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    clear_layers();
    add_layer(c.first);
    add_layer(c.second);
    expect_error(run(), errc::refused, {"layer 2 of 2"});
  }
}

TEST_F(extract_test, names_outside_of_the_cache_are_skipped_without_a_judgement) {
  auto r = run(tar_builder()
                   .file("../canary", "dead")
                   .file("/etc/passwd", "dead")
                   .symlink("x", "/")
                   .add({"dev/null", '3', "", 0666, "", {}})
                   .file("x/.wh.y", "")
                   .file(in + "a", "1"));
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(tree(), (tree_map{{"a", "1"}}));
}

// Even if the decisions were wrong, the writer would not follow a link that somebody put there.
TEST_F(extract_test, links_that_were_there_before_are_not_followed) {
  std::filesystem::create_directory_symlink(base_, dir() / "d");
  std::filesystem::create_symlink(base_ / "canary", dir() / "f");
  for (const auto& tar :
       {tar_builder().file(in + "d/canary", "dead"), tar_builder().file(in + "f", "dead"),
        tar_builder().directory(in + "d")}) {
    clear_layers();
    add_layer(tar);
    expect_error(run(), errc::io);
  }
}

}  // namespace gkm::oci
