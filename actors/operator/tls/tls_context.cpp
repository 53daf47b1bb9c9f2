#include "actors/operator/tls/tls_context.hpp"

#include "actors/operator/tls/certificate.hpp"

namespace gkm::op {
namespace {

constexpr const char* client_step = "Failed to use the certificate authority of webhooks' clients";

result<void> ask_for_certificates(SSL_CTX* context, const std::string& authorities_pem) {
  auto all = split_certificates(authorities_pem);
  auto* trusted = SSL_CTX_get_cert_store(context);
  for (const auto& pem : all) {
    auto cert = parse_cert(pem);
    if (!cert || X509_STORE_add_cert(trusted, cert.get()) != 1 ||
        SSL_CTX_add_client_CA(context, cert.get()) != 1)
      return openssl_error(errc::invalid_argument, client_step);
  }
  if (all.empty())
    return fail(errc::invalid_argument,
                std::string(client_step) + ": there is no PEM certificate in it");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return {};
}

}  // namespace

bool is_proven(const SSL& connection, const client_proof& clients) {
  if (clients.authorities_pem.empty()) return false;
  const auto* shown = SSL_get0_peer_certificate(&connection);
  if (!shown || SSL_get_verify_result(&connection) != X509_V_OK) return false;
  if (clients.name.empty()) return true;
  std::string name(clients.name.size() + 2, '\0');
  auto length = X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name.data(),
                                          static_cast<int>(name.size()));
  return length == static_cast<int>(clients.name.size()) && name.starts_with(clients.name);
}

result<tls_context> make_tls_context(const serving_identity& identity,
                                     const client_proof& clients) {
  constexpr const char* step = "Failed to use the webhook's certificate";
  tls_context context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (!context) return openssl_error(errc::internal, step);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  // Whoever comes again proves again who it is.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context.get(), 0);
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
  if (!clients.authorities_pem.empty())
    if (auto fine = ask_for_certificates(context.get(), clients.authorities_pem); !fine)
      return fail(fine.error());
  return context;
}

}  // namespace gkm::op
