/// Certificates that somebody else makes, cert-manager above all: tls.crt, tls.key and, if there is
/// one, ca.crt in a directory, read again whenever it changes.
#pragma once

#include "actors/operator/tls/serving_identity.hpp"
#include "messages/errors.hpp"

#include <filesystem>
#include <memory>

namespace gkm::base {
class directory_watch;
}

namespace gkm::op {

/// errc::not_found, io, limit_exceeded name the file; errc::invalid_argument: key and certificate
/// do not fit, as happens while they are being replaced.
result<serving_identity> read_identity(const std::filesystem::path& dir);

class certificate_files {
public:
  /// `changed` is called before this returns if the files are there, and from another thread when
  /// they are others. Files that cannot be used are logged, and what was last told stays.
  static result<std::unique_ptr<certificate_files>> start(std::filesystem::path dir,
                                                          identity_observer changed);
  ~certificate_files();

private:
  certificate_files() = default;
  std::unique_ptr<base::directory_watch> watch_;
};

}  // namespace gkm::op
