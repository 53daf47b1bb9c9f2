// What a good image comes out as.
#include "extract_fixture.hpp"

namespace gkm::oci {

TEST_F(extract_test, content_directory_becomes_the_root) {
  add_layer(tar_builder()
                .directory("io.triton.cache/")
                .directory("io.triton.cache/KEY/")
                .file("io.triton.cache/KEY/k.json", "{}")
                .file("io.triton.manifest/manifest.json", "not this")
                .file("etc/passwd", "nor this"));
  auto r = run();
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(tree(), (tree_map{{"KEY", "/"}, {"KEY/k.json", "{}"}}));
  EXPECT_EQ(r->cache_type, "triton");
  EXPECT_EQ(r->files, 1);
  EXPECT_EQ(r->bytes, 2);
}

TEST_F(extract_test, names_may_be_written_in_several_ways) {
  add_layer(tar_builder()
                .directory("./")
                .directory("./io.vllm.cache")
                .file(".//io.vllm.cache//a/./b//c", "1")
                .file("io.vllm.cache/./d", "2"));
  auto r = run();
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(tree(), (tree_map{{"a", "/"}, {"a/b", "/"}, {"a/b/c", "1"}, {"d", "2"}}));
  EXPECT_EQ(r->cache_type, "vllm");
}

TEST_F(extract_test, modes_are_normalised_whatever_the_umask) {
  auto before = umask(077);
  add_layer(tar_builder()
                .directory("io.triton.cache/d", 0500)
                .file("io.triton.cache/d/plain", "", 0400)
                .file("io.triton.cache/implied/tool", "", 0641)
                .directory("io.triton.cache/sticky", 01777));
  auto r = run();
  umask(before);
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(mode("d"), 0777U);
  EXPECT_EQ(mode("sticky"), 0777U);
  EXPECT_EQ(mode("implied"), 0777U);
  EXPECT_EQ(mode("d/plain"), 0666U);
  EXPECT_EQ(mode("implied/tool"), 0777U);
}

TEST_F(extract_test, modes_of_a_persons_own_directory_obey_the_umask) {
  auto before = umask(027);
  limits_.open_to_all = false;
  add_layer(tar_builder()
                .directory("io.triton.cache/d", 0777)
                .file("io.triton.cache/d/plain", "", 0666)
                .file("io.triton.cache/d/tool", "", 0777));
  auto r = run();
  umask(before);
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(mode("d"), 0750U);
  EXPECT_EQ(mode("d/plain"), 0640U);
  EXPECT_EQ(mode("d/tool"), 0750U);
}

TEST_F(extract_test, layers_apply_in_order_and_a_later_file_wins) {
  recording_observer seen;
  observer_ = &seen;
  add_layer(tar_builder().file("io.triton.cache/a", "one").file("io.triton.cache/b", "same"));
  add_layer(tar_builder()
                .directory("io.triton.cache")
                .file("io.triton.cache/a", "second")
                .file("io.triton.manifest/manifest.json", "{}"));
  auto r = run();
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(tree(), (tree_map{{"a", "second"}, {"b", "same"}}));
  EXPECT_EQ(r->files, 2);
  EXPECT_EQ(r->bytes, 10);
  EXPECT_EQ(seen.files, (decltype(seen.files){{"a", "one"}, {"b", "same"}, {"a", "second"}}));
}

TEST_F(extract_test, manifest_may_be_a_layer_of_its_own) {
  add_layer(tar_builder().file("io.triton.manifest/manifest.json", "{}"));
  add_layer(tar_builder().file("io.triton.cache/a", "one"));
  ASSERT_TRUE(run());
  EXPECT_EQ(tree(), (tree_map{{"a", "one"}}));
}

TEST_F(extract_test, layers_that_are_no_archives_are_passed_over) {
  const std::string in = "io.triton.cache/";
  add_layer(tar_builder().file(in + "a", "kernel"));
  for (const auto* type : {"text/markdown", "application/spdx+json",
                           "application/vnd.cncf.model.raw", "image/targets.png"}) {
    add_layer("", "# no tar");
    image_.content.layers.back().media_type = type;
  }
  auto got = run();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->files, 1u);
}

TEST_F(extract_test, links_to_absolute_places_inside_the_cache_are_kept) {
  const std::string in = "io.triton.cache/";
  auto got = run(tar_builder()
                     .file("/" + in + "d/a", "kernel")
                     .symlink("/" + in + "d/b", "/" + in + "d/a")
                     .directory(in + "s", 02755));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(std::filesystem::read_symlink(dir() / "d/b"), "../d/a");
  EXPECT_TRUE(std::filesystem::equivalent(dir() / "d/b", dir() / "d/a"));
}

TEST_F(extract_test, legacy_artifacts_have_no_diff_ids) {
  add_layer(tar_builder().file("io.triton.cache/a", "one"));
  image_.config.diff_ids.clear();
  ASSERT_TRUE(run());
  EXPECT_EQ(tree(), (tree_map{{"a", "one"}}));
}

TEST_F(extract_test, links_inside_the_cache_are_kept) {
  auto r = run(tar_builder()
                   .file("io.triton.cache/d/real", "data", 0755)
                   .hard_link("io.triton.cache/e/hard", "./io.triton.cache/d/real")
                   .symlink("io.triton.cache/e/soft", "../d/real")
                   .symlink("io.triton.cache/dangling", "not/there"));
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(tree(), (tree_map{{"d", "/"},
                              {"d/real", "data"},
                              {"dangling", "-> not/there"},
                              {"e", "/"},
                              {"e/hard", "data"},
                              {"e/soft", "-> ../d/real"}}));
  EXPECT_EQ(std::filesystem::hard_link_count(dir() / "d/real"), 2);
  EXPECT_EQ(r->files, 2);  // a hard link counts as the file that it is
  EXPECT_EQ(r->bytes, 8);
}

TEST_F(extract_test, replacing_a_file_leaves_its_hard_links_alone) {
  add_layer(tar_builder()
                .file("io.triton.cache/a", "old")
                .hard_link("io.triton.cache/b", "io.triton.cache/a"));
  add_layer(tar_builder().file("io.triton.cache/a", "new"));
  ASSERT_TRUE(run());
  EXPECT_EQ(tree(), (tree_map{{"a", "new"}, {"b", "old"}}));
}

TEST_F(extract_test, observer_sees_regular_files_of_the_cache_in_order) {
  recording_observer seen;
  observer_ = &seen;
  std::string big(3 << 20, 'x');
  auto r = run(tar_builder()
                   .file("io.triton.cache/z", "first")
                   .file("other", "skipped")
                   .file("io.triton.cache/empty", "")
                   .hard_link("io.triton.cache/l", "io.triton.cache/z")
                   .file("io.triton.cache/a/big", big));
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(seen.files, (decltype(seen.files){{"z", "first"}, {"empty", ""}, {"a/big", big}}));
  EXPECT_FALSE(seen.open);
}

TEST_F(extract_test, empty_cache_is_a_cache) {
  auto r = run(tar_builder().directory("io.vllm.cache/"));
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(r->files, 0);
  EXPECT_TRUE(tree().empty());
}

TEST_F(extract_test, no_cache_says_what_was_looked_for_and_what_was_there) {
  auto tar = tar_builder().directory("./");
  for (auto name : {"bin/a", "bin/b", "etc/c", "./home/d", "lib/e", "opt/f", "usr/g"})
    tar.file(name, "");
  expect_error(run(tar), errc::malformed,
               {"'io.triton.cache/'", "'io.vllm.cache/'", "'bin', 'etc', 'home', 'lib', 'opt'"});
  clear_layers();
  expect_error(run(), errc::malformed, {"found nothing"});
}

TEST_F(extract_test, both_caches_in_one_image_are_malformed) {
  expect_error(run(tar_builder().file("io.triton.cache/a", "").file("io.vllm.cache/b", "")),
               errc::malformed, {"both", "one cache per image"});
}

TEST_F(extract_test, progress_ends_at_the_total) {
  std::vector<uint64_t> told;
  uint64_t total = 0;
  report_ = [&](uint64_t done, uint64_t all) {
    told.push_back(done);
    total = all;
  };
  add_layer(tar_builder().file("io.triton.cache/a", std::string(5 << 20, 'a')));
  add_layer(tar_builder().file("io.triton.cache/b", "b"));
  ASSERT_TRUE(run());
  ASSERT_GE(told.size(), 3U);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), image_.layer_bytes);
  EXPECT_EQ(total, image_.layer_bytes);
}

TEST_F(extract_test, many_small_files_in_many_directories) {
  tar_builder tar;
  tree_map expected;
  for (int d = 0; d < 70; ++d) {
    for (int f = 0; f < 30; ++f) {
      auto path = "k" + std::to_string(d) + "/f" + std::to_string(f);
      auto content = std::string(static_cast<size_t>(37 * f), static_cast<char>('a' + d % 26));
      tar.file("io.triton.cache/" + path, content);
      expected[path] = content;
    }
    expected["k" + std::to_string(d)] = "/";
  }
  add_layer(tar.finished(), gzipped(tar.finished()));
  auto r = run();
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(r->files, 2100);
  EXPECT_EQ(tree(), expected);
}

}  // namespace gkm::oci
