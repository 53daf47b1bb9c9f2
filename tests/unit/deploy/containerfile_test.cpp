// No container engine builds the Containerfiles here: at least what they name must exist.
#include "tests/support/build_tree.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/kube/deployment.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

namespace gkm::support {
namespace {
namespace fs = std::filesystem;

using words = std::vector<std::string>;

const auto containers = source_tree() / "deploy/containers";
const std::vector<std::string> names{"Containerfile.operator", "Containerfile.agent",
                                     "Containerfile.csi"};

/// Instructions, each as its words; lines that end in "\" are joined.
std::vector<words> instructions(const std::string& name) {
  auto text = std::regex_replace(read_whole(containers / name), std::regex(R"(\\\n\s*)"), "");
  std::vector<words> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream in(line);
    words w{std::istream_iterator<std::string>(in), {}};
    if (!w.empty() && w[0][0] != '#') all.push_back(w);
  }
  return all;
}

/// The words after each occurrence of `word`.
words after(const std::string& name, const std::string& word) {
  words found;
  for (const auto& w : instructions(name))
    for (size_t i = 0; i + 1 < w.size(); ++i)
      if (w[i] == word) found.push_back(w[i + 1]);
  return found;
}

std::string build_stage(const std::string& name) {
  auto text = read_whole(containers / name);
  auto begin = text.find("FROM ");
  return text.substr(begin, text.find("FROM ", begin + 1) - begin);
}

class containerfile : public ::testing::TestWithParam<std::string> {};

TEST_P(containerfile, copies_only_what_exists) {
  int copies = 0;
  for (const auto& w : instructions(GetParam())) {
    if (w[0] != "COPY" || w[1].starts_with("--from=")) continue;
    for (size_t i = 1; i + 1 < w.size(); ++i, ++copies)
      EXPECT_TRUE(fs::exists(source_tree() / w[i])) << w[i];
  }
  EXPECT_GT(copies, 2);
}

TEST_P(containerfile, makes_only_targets_that_exist) {
  auto makefile = read_whole(source_tree() / "Makefile");
  auto targets = after(GetParam(), "make");
  EXPECT_FALSE(targets.empty());
  for (const auto& target : targets)
    EXPECT_TRUE(std::regex_search(makefile, std::regex("(^|\n)" + target + ":"))) << target;
}

TEST_P(containerfile, installs_only_groups_that_exist) {
  auto packages = read_whole(source_tree() / "packaging/debian-packages.txt");
  words groups = after(GetParam(), "scripts/install-packages");
  auto in_image = after(GetParam(), "/tmp/gkm/scripts/install-packages");
  groups.insert(groups.end(), in_image.begin(), in_image.end());
  std::erase_if(groups, [](const std::string& g) { return g.find('/') != std::string::npos; });
  EXPECT_THAT(groups, ::testing::IsSupersetOf({"build", "runtime"}));
  for (const auto& group : groups)
    EXPECT_NE(packages.find("\n[" + group + "]\n"), std::string::npos) << group;
}

TEST_P(containerfile, shares_the_build_stage_with_the_others) {
  EXPECT_EQ(build_stage(GetParam()), build_stage(names.front()));
}

TEST(containerfiles, install_every_library_that_their_programs_load) {
  temp_dir output;
  std::vector<std::string> command{(source_tree() / "scripts/check-runtime-packages").string()};
  for (const auto* name : {"gkm-agent", "gkm-csi", "gkm-gpu", "gkm-operator"})
    command.push_back(program(name));
  child_process check(
      {.command = command, .environment = basic_environment(), .output = output.path()});
  EXPECT_EQ(check.wait(std::chrono::seconds(120)), 0) << check.out() << check.err();
}

INSTANTIATE_TEST_SUITE_P(each, containerfile, ::testing::ValuesIn(names), [](const auto& name) {
  return name.param.substr(name.param.find('.') + 1);
});

}  // namespace
}  // namespace gkm::support
