#include "tests/support/registry/wire.hpp"

#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

namespace gkm::support {
namespace {

constexpr int blocked_after_ms = 100;

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned int in_size, void* offered) {
  auto& names = *static_cast<std::vector<std::string>*>(offered);
  names.clear();
  for (unsigned i = 0; i < in_size && i + in[i] < in_size; i += in[i] + 1U)
    names.emplace_back(reinterpret_cast<const char*>(in + i + 1), in[i]);
  static const std::array<unsigned char, 9> http_1_1{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, http_1_1.data(), http_1_1.size(), in, in_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

SSL* as_ssl(const std::shared_ptr<void>& ssl) { return static_cast<SSL*>(ssl.get()); }

}  // namespace

tls_context::tls_context(const std::string& certificate_file, const std::string& key_file,
                         const std::string& client_ca_file)
    : context_(SSL_CTX_new(TLS_server_method()),
               [](void* c) { SSL_CTX_free(static_cast<SSL_CTX*>(c)); }) {
  auto* c = static_cast<SSL_CTX*>(context_.get());
  if (SSL_CTX_use_certificate_chain_file(c, certificate_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(c, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    throw std::runtime_error("test server cannot load its certificate");
  if (client_ca_file.empty()) return;
  if (SSL_CTX_load_verify_file(c, client_ca_file.c_str()) != 1)
    throw std::runtime_error("test server cannot load its client CA");
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

wire::~wire() {
  ssl_.reset();
  ::close(fd_);
}

bool wire::start_tls(const tls_context& context, std::vector<std::string>& offered) {
  auto* c = static_cast<SSL_CTX*>(context.get());
  ssl_ = {SSL_new(c), [](void* s) { SSL_free(static_cast<SSL*>(s)); }};
  SSL_CTX_set_alpn_select_cb(c, &choose_protocol, &offered);
  SSL_set_fd(as_ssl(ssl_), fd_);
  return SSL_accept(as_ssl(ssl_)) == 1;
}

bool wire::read_some(std::string& to) {
  std::array<char, 16 * 1024> buffer;
  ssize_t n = 0;
  if (ssl_) {
    n = SSL_read(as_ssl(ssl_), buffer.data(), static_cast<int>(buffer.size()));
  } else {
    do n = ::recv(fd_, buffer.data(), buffer.size(), 0);
    while (n < 0 && errno == EINTR);
  }
  if (n <= 0) return false;
  to.append(buffer.data(), static_cast<size_t>(n));
  return true;
}

bool wire::write_all(std::string_view bytes, const std::function<void(size_t)>& sent) {
  while (!bytes.empty()) {
    ssize_t n = 0;
    if (ssl_) {
      n = SSL_write(as_ssl(ssl_), bytes.data(),
                    static_cast<int>(std::min<size_t>(bytes.size(), 1 << 20)));
    } else {
      n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        pollfd ready{fd_, POLLOUT, 0};
        if (::poll(&ready, 1, blocked_after_ms) == 0) {
          on_blocked_();
          ::poll(&ready, 1, -1);
        }
        continue;
      }
    }
    if (n <= 0) return false;
    if (sent) sent(static_cast<size_t>(n));
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

void wire::reset_on_close() {
  linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void wire::finish() {
  ::shutdown(fd_, SHUT_WR);
  std::array<char, 4096> unread;
  while (::recv(fd_, unread.data(), unread.size(), 0) > 0) {
  }
}

void wire::shut() { ::shutdown(fd_, SHUT_RDWR); }

}  // namespace gkm::support
