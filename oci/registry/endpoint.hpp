/// Which URL a registry host is reached by, and whether it may speak plain HTTP.
///
/// The rule: https, and nothing else, for all hosts but loopback ones (where those are trusted) and
/// those listed as plain HTTP. For these both schemes are possible. Plain HTTP is tried first,
/// unless a CA file or a client certificate is configured or the port is 443: then https is. If the
/// first gets no HTTP answer, or one that says that this is a TLS port, the other is tried at once;
/// a certificate that is not trusted is never a reason for plain HTTP. What answered is remembered
/// for the host, and credentials are sent only after that.
#pragma once

#include "oci/registry/registry.hpp"

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace gkm::oci {

class endpoints {
public:
  explicit endpoints(const registry_options& options) : options_(options) {}

  /// Base URLs ("https://quay.io") in the order to try them: one if the scheme is settled.
  std::vector<std::string> candidates(const std::string& host) const;
  void settle(const std::string& host, const std::string& base);

private:
  const registry_options options_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> settled_;
};

bool is_loopback(std::string_view host);

/// "https://quay.io" of "HTTPS://quay.io:443/v2/": lower-case, without the scheme's own port.
std::string origin_of(std::string_view url);

}  // namespace gkm::oci
