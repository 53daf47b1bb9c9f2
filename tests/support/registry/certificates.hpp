/// Certificates made on the spot for TLS tests, as PEM files in a folder of the test's own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gkm::support {

struct pem_files {
  std::string certificate;
  std::string key;
};

/// A certificate authority that nobody else trusts. What it issues is valid for an hour either way.
class test_ca {
public:
  /// Writes into `folder`, which the caller made and removes. `name` tells one authority from
  /// another.
  test_ca(std::filesystem::path folder, const std::string& name);
  ~test_ca();

  const std::string& certificate_file() const { return files_.certificate; }
  /// `alt_names` as OpenSSL writes them: "IP:127.0.0.1,DNS:localhost".
  /// `organizations` are what Kubernetes takes for a user's groups.
  pem_files issue(const std::string& name, const std::string& alt_names,
                  const std::vector<std::string>& organizations = {});

private:
  struct keys;
  std::filesystem::path folder_;
  std::unique_ptr<keys> keys_;
  pem_files files_;
  long serial_ = 1;
};

}  // namespace gkm::support
