/// Whom the webhook server proves to be, and by what its clients prove who they are.
#pragma once

#include <functional>
#include <string>

namespace gkm::op {

/// All PEM.
struct serving_identity {
  std::string cert_pem;  ///< with the chain behind it, if there is one
  std::string key_pem;
  std::string authorities_pem;  ///< whom clients must trust for it; empty: not ours to say

  bool operator==(const serving_identity&) const = default;
};

/// By what a client proves to be an API server. Nobody can, while `authorities_pem` is empty.
struct client_proof {
  std::string authorities_pem;  ///< PEM: who signed its certificate
  std::string name;             ///< the certificate's common name; empty: any that they signed
};

/// Told once it is known, and whenever it is another.
using identity_observer = std::function<void(const serving_identity&)>;

}  // namespace gkm::op
