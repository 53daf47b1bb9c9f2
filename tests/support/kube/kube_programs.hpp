/// Where kube-apiserver, etcd and kubectl are: in the folder that KUBEBUILDER_ASSETS names, or in
/// the cache directory that scripts/build-apiserver fills.
#pragma once

#include <tl/expected.hpp>

#include <filesystem>
#include <string>

namespace gkm::support {

struct kube_programs {
  std::filesystem::path apiserver;
  std::filesystem::path etcd;
  std::filesystem::path kubectl;
};

/// Or why there are none, with what to do about it.
tl::expected<kube_programs, std::string> find_kube_programs();

}  // namespace gkm::support
