// Files with mistakes, beside good ones, while `gkm up` runs.
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace gkm::support {
namespace {

using testing::HasSubstr;

const std::string head = "apiVersion: gkm.io/v1alpha1\nkind: GKMCache\n";

class yaml : public testing::Test {
protected:
  void SetUp() override { write_layout(bench_.root() / "layout", "v1", image_); }
  std::string name() const { return "oci:" + (bench_.root() / "layout").string() + ":v1"; }
  void wait_problem(const std::string& text) {
    if (!eventually("a problem: " + text,
                    [&] { return bench_.problems().find(text) != std::string::npos; }))
      ADD_FAILURE() << bench_.problems();
  }

  const cache_image image_ = cache_image().layer(kernel_layer().finished());
  workbench bench_;
};

TEST_F(yaml, mistakes_are_told_with_file_line_and_field_and_disturb_nobody) {
  bench_.write_file("a-syntax.yaml", head + "metadata:\n  name: [x\nspec: {}\n");
  bench_.write_file("b-image.yaml", head + "metadata:\n  name: b\nspec: {}\n");
  bench_.write_file("c-field.yaml",
                    head + "metadata:\n  name: c\nspec:\n  image: x/y\n  imagee: z\n");
  bench_.write_file("d-name.yaml", head + "metadata:\n  name: Bad_Name\nspec:\n  image: x/y\n");
  bench_.write_file("e-version.yaml",
                    "apiVersion: gkm.io/v7\nkind: GKMCache\nmetadata:\n"
                    "  name: e\nspec:\n  image: x/y\n");
  bench_.write_file("f-pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: f\n");
  bench_.write_file("g-empty.yaml", "");
  bench_.write_file("h-large.yaml", "# " + std::string(2 << 20, 'x') + "\n");
  bench_.write_file("i-scalar.yaml", "just words\n");
  bench_.write_file("j-traversal.yaml",
                    head + "metadata:\n  name: j\n  namespace: ../../x\nspec:\n  image: x/y\n");
  bench_.want("z-good", name());
  auto up = bench_.up();
  bench_.wait_ready("z-good");
  for (const auto* expected :
       {"a-syntax.yaml:", "b-image.yaml:5: spec.image", "c-field.yaml:7: spec.imagee",
        "d-name.yaml:4: metadata.name", "e-version.yaml:1: apiVersion", "f-pod.yaml:0: ",
        "g-empty.yaml:0: ", "h-large.yaml:0: ", "i-scalar.yaml:1: ", "j-traversal.yaml:"})
    wait_problem(expected);
  EXPECT_THAT(bench_.gkm({"status"}).out, HasSubstr("b-image.yaml:5: spec.image is missing"));
  EXPECT_EQ(bench_.statuses().size(), 1U);
  // Mended files work, and their problems go.
  for (const auto* file : {"a-syntax", "b-image", "d-name", "g-empty", "h-large", "j-traversal"})
    bench_.want(file, name());
  for (const auto* file : {"a-syntax", "b-image", "d-name", "g-empty", "h-large", "j-traversal"})
    bench_.wait_ready(file);
  eventually("mended files have no problems",
             [&] { return bench_.problems().find("b-image") == std::string::npos; });
  wait_problem("c-field.yaml:7");
  up.send_signal(SIGTERM);
  EXPECT_EQ(up.wait(), 0);
}

TEST_F(yaml, breaking_a_file_keeps_its_cache_and_deleting_it_does_not) {
  auto up = bench_.up();
  bench_.want("c", name());
  bench_.wait_ready("c");
  bench_.write_file("c.yaml", "{ broken");
  wait_problem("c.yaml:");
  EXPECT_EQ(bench_.status("c").state, cache_state::extracted);
  EXPECT_EQ(bench_.stored().size(), 1U);
  std::filesystem::remove(bench_.caches() / "c.yaml");
  eventually("c is gone", [&] { return bench_.status("c").ref.name.empty(); });
  bench_.wait_store(0);
  EXPECT_EQ(bench_.problems(), "");
}

TEST_F(yaml, the_same_cache_twice_is_told_and_the_first_wins) {
  bench_.want("c", name());
  bench_.write_file("d.yaml", head + "metadata:\n  name: c\nspec:\n  image: 127.0.0.1:1/x/y\n");
  auto up = bench_.up();
  wait_problem("d.yaml:");
  EXPECT_EQ(bench_.wait_ready("c").image, name());
  EXPECT_THAT(bench_.problems(), HasSubstr("already defined"));
  // When the first goes, the second has its turn.
  std::filesystem::remove(bench_.caches() / "c.yaml");
  bench_.wait_error("c", errc::unavailable);
}

TEST_F(yaml, a_cluster_cache_and_a_namespaced_one_of_the_same_name_are_two) {
  bench_.want("c", name());
  bench_.write_file("cluster.yaml",
                    "apiVersion: gkm.io/v1alpha1\nkind: ClusterGKMCache\nmetadata:\n  name: c\n"
                    "spec:\n  image: " +
                        name() + "\n---\n" + head +
                        "metadata:\n  name: c\n  namespace: cluster\nspec:\n  image: " + name() +
                        "\n");
  auto once = bench_.up({"--once"});
  EXPECT_EQ(once.wait(), 0) << once.err();
  EXPECT_EQ(bench_.statuses().size(), 3U);
  bench_.wait_store(1);
}

}  // namespace
}  // namespace gkm::support
