/// What all TLS connections of one identity share. For .cpp files only.
#pragma once

#include "actors/operator/tls/openssl_handles.hpp"
#include "actors/operator/tls/serving_identity.hpp"

#include <memory>

namespace gkm::op {

using tls_context = std::shared_ptr<SSL_CTX>;

/// TLS 1.2 or later. A certificate is asked of clients, and none is needed; one that nobody of
/// `clients` signed ends the handshake. errc::invalid_argument if certificate and key do not fit,
/// or there is no certificate in `clients`.
result<tls_context> make_tls_context(const serving_identity& identity,
                                     const client_proof& clients = {});

/// After the handshake: true if the client showed what `clients` asks for.
bool is_proven(const SSL& connection, const client_proof& clients);

}  // namespace gkm::op
