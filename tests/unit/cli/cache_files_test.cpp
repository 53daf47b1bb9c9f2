#include "cli/cache_files.hpp"

#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

namespace gkm::cli {
namespace {
namespace fs = std::filesystem;

std::string cache(const std::string& name, const std::string& image = "a.example/b:c") {
  return "apiVersion: gkm.io/v1alpha1\nkind: GKMCache\nmetadata:\n  name: " + name +
         "\nspec:\n  image: " + image + "\n";
}
cache_spec spec(const std::string& name, const std::string& tag = "c") {
  return {{"default", name}, {"a.example", "b", tag, {}}};
}

/// The only problem of a text, as a person reads it.
std::string complaint(std::string_view yaml) {
  auto file = parse_cache_file("f.yaml", yaml);
  EXPECT_TRUE(file.caches.empty());
  return file.problems.size() == 1 ? file.problems[0].str()
                                   : std::to_string(file.problems.size()) + " problems";
}

declared_caches merge(const declared_caches& before,
                      const std::map<std::string, std::string>& texts) {
  std::map<std::string, cache_file> files;
  for (const auto& [name, text] : texts) files[name] = parse_cache_file(name, text);
  return merge_cache_files(before, files);
}

}  // namespace

TEST(cache_file, is_what_kubectl_takes) {
  auto file = parse_cache_file("f", R"(
apiVersion: gkm.io/v1alpha1
kind: GKMCache
metadata: {name: a, namespace: team, labels: {x: "y"}}
spec: {image: quay.io/gkm/cache}
status: {ignored: [1]}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: []}
---
---
apiVersion: gkm.io/v1alpha1
kind: ClusterGKMCache
metadata: {name: b}
spec: {image: "oci:/some/dir"}
)");
  EXPECT_TRUE(file.problems.empty());
  ASSERT_EQ(file.caches.size(), 2u);
  EXPECT_EQ(file.caches[0], (cache_spec{{"team", "a"}, {"quay.io", "gkm/cache", "latest", {}}}));
  EXPECT_EQ(file.caches[1].ref, (cache_ref{"", "b"}));
  EXPECT_TRUE(file.caches[1].image.is_layout());
}

TEST(cache_file, may_be_a_list_as_kubectl_writes_it) {
  auto file = parse_cache_file("f", R"(
apiVersion: v1
kind: List
metadata: {resourceVersion: ""}
items:
- apiVersion: gkm.io/v1alpha1
  kind: GKMCache
  metadata:
    {name: a, namespace: default, uid: u, resourceVersion: "7", generation: 1, managedFields: []}
  spec: {image: "a.example/b:c"}
  status: {}
- {apiVersion: v1, kind: Pod, metadata: {name: p}}
- apiVersion: v1
  kind: List
  items: [{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: b}, spec: {image: "a.example/b:c"}}]
)");
  EXPECT_TRUE(file.problems.empty());
  EXPECT_EQ(file.caches, (std::vector{spec("a"), spec("b")}));
  EXPECT_EQ(complaint("{apiVersion: v1, kind: List, items: []}"),
            "f.yaml: holds no GKMCache and no ClusterGKMCache");
}

TEST(cache_file, may_be_json) {
  auto file = parse_cache_file("f.json", R"({
	"apiVersion": "gkm.io/v1alpha1", "kind": "GKMCacheList",
	"items": [{"apiVersion": "gkm.io/v1alpha1", "kind": "GKMCache",
		"metadata": {"name": "a"}, "spec": {"image": "a.example/b:c"}}]
})");
  ASSERT_TRUE(file.problems.empty()) << file.problems[0].str();
  EXPECT_EQ(file.caches, (std::vector{spec("a")}));
}

TEST(cache_file, says_what_has_no_meaning_on_one_machine) {
  auto file = parse_cache_file(
      "f.yaml", cache("a") + "  imagePullSecrets: [{name: s}]\n  nodeSelector: {gpu: a}\n");
  EXPECT_TRUE(file.problems.empty());
  EXPECT_EQ(file.caches, (std::vector{spec("a")}));
  ASSERT_EQ(file.notes.size(), 2u);
  EXPECT_TRUE(file.notes[0].str().starts_with("f.yaml:7: spec.imagePullSecrets has no meaning"))
      << file.notes[0].str();
}

TEST(cache_file, a_mistyped_field_is_told_with_the_right_one) {
  EXPECT_EQ(complaint("apiVersion: gkm.io/v1alpha1\nkind: GKMCache\n"
                      "metadata: {name: a, namepsace: b}\nspec: {image: b}\n"),
            "f.yaml:3: metadata.namepsace is no field of a cache's metadata; did you mean "
            "'namespace'?");
  EXPECT_EQ(complaint(cache("a") + "specs: {}\n"),
            "f.yaml:7: specs is no field of a cache; did you mean 'spec'?");
}

TEST(cache_file, without_a_namespace_is_in_default) {
  EXPECT_EQ(parse_cache_file("f", cache("a")).caches, (std::vector{spec("a")}));
}

TEST(cache_file, each_mistake_has_its_line_and_field) {
  const std::string head = "apiVersion: gkm.io/v1alpha1\nkind: GKMCache\n";
  auto begins = [](const std::string& text, const std::string& start) {
    auto said = complaint(text);
    EXPECT_TRUE(said.starts_with(start)) << said << "\nexpected " << start;
  };
  begins("kind: GKMCache\n", "f.yaml:1: apiVersion is missing");
  begins("apiVersion: gkm.io/v1alpha1\n", "f.yaml:1: kind is missing");
  begins("apiVersion: gkm.io/v9\nkind: GKMCache\n", "f.yaml:1: apiVersion is 'gkm.io/v9'");
  begins("apiVersion: [1]\nkind: GKMCache\n", "f.yaml:1: apiVersion must be a string");
  begins(head, "f.yaml:1: metadata is missing");
  begins(head + "metadata: x\n", "f.yaml:3: metadata must be a mapping");
  begins(head + "metadata: {name: a}\n", "f.yaml:1: spec is missing");
  begins(head + "metadata: {name: a}\nspec:\n", "f.yaml:1: spec is missing");
  begins(head + "metadata: {name: a}\nspec: [b]\n", "f.yaml:4: spec must be a mapping");
  begins(head + "metadata:\n  x: a\nspec: {image: b}\n", "f.yaml:4: metadata.name is missing");
  begins(head + "metadata:\n  name: [a]\nspec: {image: b}\n",
         "f.yaml:4: metadata.name must be a string");
  begins(head + "metadata:\n  name: A_b\nspec: {image: b}\n",
         "f.yaml:4: metadata.name 'A_b' is not");
  begins(head + "metadata:\n  name: a\n  namespace: A_b\nspec: {image: b}\n",
         "f.yaml:5: metadata.namespace 'A_b' is not");
  begins(head + "metadata: {name: a}\nspec:\n  image:\n", "f.yaml:5: spec.image is missing");
  begins(head + "metadata: {name: a}\nspec:\n  image: 'a b'\n", "f.yaml:5: spec.image ");
  begins(head + "metadata: {name: a}\nspec:\n  image: b\n  imagee: c\n",
         "f.yaml:6: spec.imagee is no field");
  begins(
      "apiVersion: gkm.io/v1alpha1\nkind: ClusterGKMCache\nmetadata:\n  name: a\n"
      "  namespace: x\nspec: {image: b}\n",
      "f.yaml:5: metadata.namespace is not allowed");
  begins("- a\n- b\n", "f.yaml:1: is no Kubernetes object");
  begins("a: b: c\n", "f.yaml:1: is not valid YAML");
  begins("a: [\n", "f.yaml:2: is not valid YAML");
}

TEST(cache_file, without_any_cache_is_a_problem) {
  EXPECT_EQ(complaint(""), "f.yaml: holds no YAML document");
  EXPECT_EQ(complaint("# nothing\n---\n"), "f.yaml: holds no YAML document");
  EXPECT_EQ(complaint("apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n"),
            "f.yaml: holds no GKMCache and no ClusterGKMCache, but Pod 'p'");
  EXPECT_EQ(complaint("apiVersion: gkm.io/v1alpha1\nkind: GKMCaches\n"),
            "f.yaml: holds no GKMCache and no ClusterGKMCache, but GKMCaches; did you mean "
            "'GKMCache'?");
}

TEST(cache_file, with_a_tab_says_so) {
  EXPECT_EQ(complaint("apiVersion: gkm.io/v1alpha1\nkind: GKMCache\nmetadata:\n\tname: a\n"),
            "f.yaml:4: is not valid YAML: line 4 is indented with a tab; YAML allows blanks only");
}

TEST(cache_file, one_bad_document_does_not_hide_the_others) {
  auto file = parse_cache_file("f", cache("a") + "---\n" + cache("B") + "---\n" + cache("c"));
  EXPECT_EQ(file.caches, (std::vector{spec("a"), spec("c")}));
  ASSERT_EQ(file.problems.size(), 1u);
  EXPECT_EQ(file.problems[0].line, 11);
}

TEST(cache_file, a_hostile_text_is_a_problem_and_nothing_worse) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    const std::string before = "*" + std::string(1, static_cast<char>(c - 1));
    bomb += std::string(1, c) + ": &" + c + " [" + before + "," + before + "," + before + "]\n";
  }
  for (const auto& text :
       {std::string(100'000, '['), std::string(100'000, '{'), std::string(1'000, '\0'),
        std::string("\xff\xfe\xff"), bomb, std::string("a: *nobody"), std::string("%YAML 9.9\n"),
        std::string("&a [*a]"), std::string("{? [a]: b}")}) {
    auto file = parse_cache_file("f", text);
    EXPECT_TRUE(file.caches.empty());
    ASSERT_EQ(file.problems.size(), 1u) << text.substr(0, 40);
    for (char c : file.problems[0].str()) EXPECT_TRUE(c >= ' ' && c <= '~');
  }
}

// yaml-cpp would make of it empty documents without end.
TEST(cache_file, a_text_at_which_the_parser_stands_still_is_a_problem) {
  EXPECT_EQ(complaint(","), "f.yaml:1: is not valid YAML: a document cannot begin like this");
  EXPECT_EQ(complaint("---\na: b\n---\n,\n"),
            "f.yaml:4: is not valid YAML: a document cannot begin like this");
}

TEST(cache_file, a_problem_says_nothing_to_a_terminal) {
  for (const auto& name : {R"("\e[2J")", R"("\u00e4\x07")"})
    for (char c : complaint(cache(name))) EXPECT_TRUE(c >= ' ' && c <= '~');
}

TEST(read_cache_files, takes_the_yaml_files_of_one_directory) {
  support::temp_dir dir;
  auto put = [&](const char* name, const std::string& text) { std::ofstream(dir / name) << text; };
  put("a.yaml", cache("a"));
  put("b.yml", cache("b"));
  put("c.txt", cache("c"));
  put("c.json", "{}");
  put(".d.yaml", cache("d"));
  fs::create_directory(dir / "sub");
  put("sub/e.yaml", cache("e"));
  fs::create_directory(dir / "f.yaml");
  put("g.yaml", std::string(max_yaml_bytes + 1, '#'));
  fs::create_symlink(dir / "absent", dir / "h.yaml");
  auto files = read_cache_files(dir.path());
  ASSERT_TRUE(files);
  std::set<std::string> names;
  for (const auto& [name, file] : *files) names.insert(fs::path(name).filename());
  EXPECT_EQ(names, (std::set<std::string>{"a.yaml", "b.yml", "c.json", "f.yaml", "g.yaml", "sub"}));
  EXPECT_TRUE((*files)[dir / "sub"].caches.empty());
  EXPECT_EQ((*files)[dir / "sub"].notes.size(), 1u) << "it is said that it is not read";
  EXPECT_EQ((*files)[dir / "a.yaml"].caches, (std::vector{spec("a")}));
  EXPECT_EQ((*files)[dir / "f.yaml"].problems.size(), 1u);
  EXPECT_EQ((*files)[dir / "g.yaml"].problems.size(), 1u);
  EXPECT_FALSE(read_cache_files(dir / "absent"));
}

TEST(merge_cache_files, a_file_that_broke_keeps_what_it_wanted) {
  auto before = merge({}, {{"1", cache("a") + "---\n" + cache("b")}, {"2", cache("c")}});
  EXPECT_EQ(before.caches.size(), 3u);
  auto broken = merge(
      before, {{"1", cache("a", "a.example/b:new") + "---\n" + cache("B")}, {"2", cache("c")}});
  EXPECT_EQ(broken.caches.at({"default", "a"}), spec("a", "new"));
  EXPECT_TRUE(broken.caches.contains({"default", "b"}));
  EXPECT_EQ(broken.problems.size(), 1u);
  auto still = merge(broken, {{"1", "a: ["}, {"2", cache("c")}});
  EXPECT_EQ(still.caches, broken.caches);
  auto mended = merge(still, {{"1", cache("b")}, {"2", cache("c")}});
  EXPECT_FALSE(mended.caches.contains({"default", "a"}));
  EXPECT_TRUE(mended.problems.empty());
}

TEST(merge_cache_files, a_file_that_is_gone_wants_nothing) {
  auto before = merge({}, {{"1", cache("a")}});
  EXPECT_TRUE(merge(before, {}).caches.empty());
}

TEST(merge_cache_files, the_first_of_two_wins_and_the_other_is_reported) {
  auto both = merge({}, {{"1", cache("a", "a.example/b:one")}, {"2", cache("a")}});
  EXPECT_EQ(both.caches.at({"default", "a"}), spec("a", "one"));
  ASSERT_EQ(both.problems.size(), 1u);
  EXPECT_EQ(both.problems[0].file, "2");
  auto within = merge({}, {{"1", cache("a") + "---\n" + cache("a")}});
  EXPECT_EQ(within.caches.size(), 1u);
  EXPECT_EQ(within.problems.size(), 1u);
  EXPECT_EQ(merge(both, {{"2", cache("a")}}).caches.at({"default", "a"}), spec("a"));
}

TEST(merge_cache_files, what_moved_to_a_good_file_is_taken_from_there) {
  auto before = merge({}, {{"1", cache("a")}});
  auto now = merge(before, {{"1", "a: ["}, {"2", cache("a", "a.example/b:new")}});
  EXPECT_EQ(now.caches.at({"default", "a"}), spec("a", "new"));
}

}  // namespace gkm::cli
