/// A test with Debian's registry and images that the project's own tools and skopeo made.
#pragma once

#include "tests/support/build_tree.hpp"
#include "tests/support/registry/certificates.hpp"
#include "tests/support/registry/registry_server.hpp"
#include "tests/support/workbench.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace gkm::support {

/// The name of a program that is needed and missing, if any.
inline std::optional<std::string> missing_program() {
  for (const auto* name : {"docker-registry", "skopeo", "umoci", "htpasswd", "curl"})
    if (!find_program(name)) return name;
  return std::nullopt;
}

class real_registry_test : public testing::Test {
protected:
  void SetUp() override {
    if (auto name = missing_program()) GTEST_SKIP() << *name << " is not installed";
  }

  /// A sample cache in a folder, for example for "gfx90a".
  std::filesystem::path sample(const std::string& gpu, std::vector<std::string> more = {}) {
    auto dir = bench_.root() / ("sample-" + gpu);
    std::vector<std::string> command{program("make-sample-cache"), dir, "--target", gpu};
    command.insert(command.end(), more.begin(), more.end());
    run_program(command, bench_.output());
    return dir;
  }
  /// Packed by examples/pack-image into the layout `layout()`, under this tag.
  void pack(const std::filesystem::path& cache, const std::string& tag) {
    run_program({(source_tree() / "examples" / "pack-image").string(), cache, layout(), tag},
                bench_.output(),
                {{"GKM_BIN", std::filesystem::path(program("gkm")).parent_path()}});
  }
  /// From the layout to a registry; returns the image's name there.
  std::string push(const std::string& tag, const std::string& authority,
                   std::vector<std::string> flags = {"--dest-tls-verify=false"},
                   const std::string& as_tag = "") {
    auto name = authority + "/team/cache:" + (as_tag.empty() ? tag : as_tag);
    std::vector<std::string> command{"skopeo", "copy", "--quiet", "--insecure-policy"};
    command.insert(command.end(), flags.begin(), flags.end());
    command.insert(command.end(), {"oci:" + layout() + ":" + tag, "docker://" + name});
    run_program(command, bench_.output(), {{"HOME", bench_.root() / "home"}});
    return name;
  }
  std::string layout() const { return bench_.root() / "layout"; }

  workbench bench_;
};

}  // namespace gkm::support
