#include "tests/support/kube/kube_programs.hpp"

#include "tests/support/build_tree.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace gkm::support {
namespace fs = std::filesystem;
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// The version that tests/cluster/apiserver builds.
std::string wanted_version() {
  std::ifstream go_mod(source_tree() / "tests/cluster/apiserver/go.mod");
  for (std::string word; go_mod >> word;)
    if (word == "k8s.io/kubernetes" && go_mod >> word) return word;
  return "";
}

fs::path cache_folder() {
  auto cache = variable("XDG_CACHE_HOME");
  if (cache.empty()) cache = variable("HOME") + "/.cache";
  return fs::path(cache) / "gkm" / ("apiserver-" + wanted_version());
}

}  // namespace

tl::expected<kube_programs, std::string> find_kube_programs() {
  auto named = variable("KUBEBUILDER_ASSETS");
  fs::path folder = named.empty() ? cache_folder() : fs::path(named);
  kube_programs found{folder / "kube-apiserver", folder / "etcd", folder / "kubectl"};
  for (const auto& program : {found.apiserver, found.etcd, found.kubectl})
    if (::access(program.c_str(), X_OK) != 0)
      return tl::unexpected("there is no '" + program.string() +
                            "': run scripts/build-apiserver, or set KUBEBUILDER_ASSETS");
  return found;
}

}  // namespace gkm::support
