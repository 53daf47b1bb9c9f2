#include "actors/operator/tls_context.hpp"

#include "actors/operator/certificate.hpp"

namespace gkm::cluster {

result<tls_context> make_tls_context(const serving_identity& identity) {
  constexpr const char* step = "Failed to use the webhook's certificate";
  tls_context context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (!context) return openssl_error(errc::internal, step);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  auto chain = split_certificates(identity.cert_pem);
  auto leaf = chain.empty() ? nullptr : parse_cert(chain.front());
  auto key = parse_key(identity.key_pem);
  if (!leaf || !key)
    return fail(errc::invalid_argument,
                std::string(step) + ": there is no PEM certificate or no unencrypted PEM key");
  if (SSL_CTX_use_certificate(context.get(), leaf.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1)
    return openssl_error(errc::invalid_argument, step);
  for (size_t i = 1; i < chain.size(); ++i) {
    auto next = parse_cert(chain[i]);
    if (SSL_CTX_add1_chain_cert(context.get(), next.get()) != 1)
      return openssl_error(errc::invalid_argument, step);
  }
  return context;
}

}  // namespace gkm::cluster
