/// What all TLS connections of one identity share. For .cpp files only.
#pragma once

#include "actors/operator/openssl_handles.hpp"
#include "actors/operator/serving_identity.hpp"

#include <memory>

namespace gkm::cluster {

using tls_context = std::shared_ptr<SSL_CTX>;

/// TLS 1.2 or later. errc::invalid_argument if certificate and key do not fit.
result<tls_context> make_tls_context(const serving_identity& identity);

}  // namespace gkm::cluster
