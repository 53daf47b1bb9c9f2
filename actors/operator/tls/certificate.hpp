/// Making and reading X.509 certificates, as far as GKM's own webhook needs them: ECDSA on P-256.
/// Times are seconds since 1970.
#pragma once

#include "messages/errors.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::op {

struct key_pair {
  std::string cert_pem;
  std::string key_pem;

  bool operator==(const key_pair&) const = default;
};

struct validity {
  int64_t from_unix_s = 0;
  int64_t until_unix_s = 0;
};

/// An authority that may issue certificates for servers, and nothing below it.
result<key_pair> make_authority(const std::string& name, const validity& valid);
/// For a server of these names: DNS names or IP addresses.
result<key_pair> issue_certificate(const key_pair& authority, const std::vector<std::string>& names,
                                   const validity& valid);

/// What the first certificate of a PEM text says. `errc::malformed`.
struct certificate_facts {
  validity valid;
  std::vector<std::string> names;  ///< as in `issue_certificate`, sorted
};
result<certificate_facts> read_certificate(std::string_view pem);

/// True if `authority_pem` has signed it.
bool is_issued_by(std::string_view cert_pem, std::string_view authority_pem);
bool is_key_of(std::string_view cert_pem, std::string_view key_pem);

/// The certificates of a PEM text, one by one; what is none is left out. At most 16.
std::vector<std::string> split_certificates(std::string_view pem);

}  // namespace gkm::op
