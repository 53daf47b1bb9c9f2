/// Whom the webhook server proves to be.
#pragma once

#include <functional>
#include <string>

namespace gkm::cluster {

/// All PEM.
struct serving_identity {
  std::string cert_pem;  ///< with the chain behind it, if there is one
  std::string key_pem;
  std::string authorities_pem;  ///< whom clients must trust for it; empty: not ours to say

  bool operator==(const serving_identity&) const = default;
};

/// Told once it is known, and whenever it is another.
using identity_observer = std::function<void(const serving_identity&)>;

}  // namespace gkm::cluster
