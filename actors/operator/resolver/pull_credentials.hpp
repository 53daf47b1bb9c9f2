/// What the pull secrets of a cache let it read.
#pragma once

#include "k8s/objects/object.hpp"
#include "messages/cache_object.hpp"
#include "oci/registry/credentials.hpp"

#include <string>
#include <vector>

namespace gkm::op {

/// One secret that names the image's registry.
struct pull_credential {
  std::string secret;  ///< "namespace/name"
  oci::credential_store store;
  std::string fingerprint;  ///< another one for other contents
};

/// errc::not_found, invalid_argument: what is wrong with a secret, and never what is in it.
result<pull_credential> read_pull_secret(const k8s::object& secret);

/// Those that have something for this image, in the order in which they are to be tried.
result<std::vector<pull_credential>> matching(std::vector<pull_credential> all,
                                              const image_ref& image);

/// Names are checked before anything is asked for: they become parts of paths.
result<void> check_secret_name(const std::string& name);

}  // namespace gkm::op
