#include "net/easy.hpp"

#include "base/text.hpp"
#include "net/address.hpp"
#include "net/proxy.hpp"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <climits>
#include <string_view>

namespace gkm::net {
namespace {

constexpr long receive_buffer_bytes = 256 * 1024;

// libcurl reads its arguments as exactly these types, unchecked; the overloads make sure of them.
void set(void* easy, CURLoption option, long value) { curl_easy_setopt(easy, option, value); }
void set(void* easy, CURLoption option, const char* value) {
  curl_easy_setopt(easy, option, value);
}

bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) ||
           marks.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool is_credential(std::string_view name) {
  auto lower = base::to_lower(name);
  return lower == "authorization" || lower == "cookie" || lower == "proxy-authorization";
}

// CAINFO names the host's own CA file, because that name is part of what makes two connections
// alike: a connection trusted through it is never lent to a request without it. The system's trust
// is then added here.
CURLcode add_system_trust(CURL*, void* ssl_context, void* system_file) {
  auto* context = static_cast<SSL_CTX*>(ssl_context);
  if (SSL_CTX_load_verify_file(context, static_cast<const char*>(system_file)) != 1)
    SSL_CTX_set_default_verify_paths(context);
  return CURLE_OK;
}

// Nothing is copied: what is pointed to outlives the handle.
void set_pem(void* easy, CURLoption option, const std::string& pem) {
  curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_NOCOPY};
  curl_easy_setopt(easy, option, &blob);
}

// Also that bytes sent are acknowledged in time: a request on a connection that died silently must
// not take as long as the kernel is willing to repeat it.
int watch_peer(void* dead_peer, curl_socket_t socket, curlsocktype) {
  auto limit = static_cast<const std::chrono::milliseconds*>(dead_peer)->count();
  auto ms = static_cast<unsigned>(std::clamp<int64_t>(limit, 1, INT_MAX));
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
  return CURL_SOCKOPT_OK;
}

curl_socket_t open_guarded(void* data, curlsocktype, curl_sockaddr* to) {
  auto* guard = static_cast<address_guard*>(data);
  if (is_denied_address(to->addr, guard->options)) {
    guard->refused = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

void append(header_list& list, const std::string& line) {
  auto* grown = curl_slist_append(static_cast<curl_slist*>(list.get()), line.c_str());
  if (!grown) throw std::bad_alloc();
  list.release();
  list.reset(grown);
}

// "Name;" is how libcurl is told to send a header without a value.
void append(header_list& list, const std::string& name, const std::string& value) {
  append(list, value.empty() ? name + ";" : name + ": " + value);
}

}  // namespace

void init_curl() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)once;
}

void easy_deleter::operator()(void* easy) const { curl_easy_cleanup(easy); }

void header_list_deleter::operator()(void* list) const {
  curl_slist_free_all(static_cast<curl_slist*>(list));
}

bool sends_body(const request& what) {
  return !what.body.empty() || (what.method != "GET" && what.method != "HEAD");
}

result<void> check_request(const request& what) {
  if (!is_token(what.method))
    return fail(errc::invalid_argument, "HTTP method is empty or malformed");
  for (const auto& [name, value] : what.headers)
    if (!is_token(name) || !is_field_value(value))
      return fail(errc::invalid_argument,
                  "request header is malformed: its name or value holds characters that are not "
                  "allowed");
  if (!is_field_value(what.authorization) || !is_field_value(what.content_type))
    return fail(errc::invalid_argument,
                "credentials or content type hold a line break or NUL: check where they come from");
  return {};
}

void set_request(void* easy, const request& what, const engine_options& options) {
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_NOPROGRESS, 1L);
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_BUFFERSIZE, receive_buffer_bytes);
  // A name lookup that hangs must not hold up the loop when its request is cancelled.
  set(easy, CURLOPT_QUICK_EXIT, 1L);
  // Without TLS there is no HTTP/2: whoever waited for it would wait until the other request ends.
  bool may_share = options.multiplex && what.url.starts_with("https://");
  if (may_share) set(easy, CURLOPT_PIPEWAIT, 1L);
  if (options.dead_peer.count() > 0) {
    auto third_s = static_cast<long>(std::max<int64_t>(options.dead_peer.count() / 3'000, 1));
    set(easy, CURLOPT_TCP_KEEPIDLE, third_s);
    set(easy, CURLOPT_TCP_KEEPINTVL, third_s);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, &watch_peer);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, &options.dead_peer);
  }
  auto connect_ms = std::clamp<int64_t>(what.limits.connect.count(), 1, INT_MAX);
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect_ms));
  set(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  if (sends_body(what)) {
    set(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(what.body.size()));
  }
  if (what.method == "HEAD")
    set(easy, CURLOPT_NOBODY, 1L);
  else
    set(easy, CURLOPT_CUSTOMREQUEST, what.method.c_str());
}

void set_tls(void* easy, const tls_config& tls, bool redirected_host) {
  bool verify = redirected_host || !tls.skip_verify;
  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
  set(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
  if (!redirected_host && !tls.client_cert_pem.empty()) {
    set_pem(easy, CURLOPT_SSLCERT_BLOB, tls.client_cert_pem);
    set_pem(easy, CURLOPT_SSLKEY_BLOB,
            tls.client_key_pem.empty() ? tls.client_cert_pem : tls.client_key_pem);
  } else {
    set(easy, CURLOPT_SSLCERT_BLOB, nullptr);
    set(easy, CURLOPT_SSLKEY_BLOB, nullptr);
  }
  bool identify = !redirected_host && tls.client_cert_pem.empty() && !tls.client_cert_file.empty();
  const auto& key = tls.client_key_file.empty() ? tls.client_cert_file : tls.client_key_file;
  set(easy, CURLOPT_SSLCERT, identify ? tls.client_cert_file.c_str() : nullptr);
  set(easy, CURLOPT_SSLKEY, identify ? key.c_str() : nullptr);
  if (!redirected_host && !tls.ca_pem.empty()) {
    set(easy, CURLOPT_CAINFO, nullptr);
    set(easy, CURLOPT_CAPATH, nullptr);
    return set_pem(easy, CURLOPT_CAINFO_BLOB, tls.ca_pem);
  }
  set(easy, CURLOPT_CAINFO_BLOB, nullptr);
  char* system_file = nullptr;
  curl_easy_getinfo(easy, CURLINFO_CAINFO, &system_file);
  if (tls.ca_file.empty()) {
    // Without a CA folder libcurl parses the system's file once for all connections, not for each.
    if (system_file && ::access(system_file, R_OK) == 0) set(easy, CURLOPT_CAPATH, nullptr);
    return;
  }
  set(easy, CURLOPT_CAINFO, tls.ca_file.c_str());
  set(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
  if (!system_file) return;
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, &add_system_trust);
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, system_file);
}

void set_guard(void* easy, address_guard* guard) {
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, guard ? &open_guarded : nullptr);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, guard);
}

header_list set_target(void* easy, const url& to, const std::string& server_name,
                       const std::string& proxy) {
  header_list detour;
  if (server_name.empty() || to.scheme != "https") {
    set(easy, CURLOPT_URL, to.text.c_str());
  } else {
    set(easy, CURLOPT_URL, with_host(to, server_name).c_str());
    append(detour, server_name + ":" + to.port + ":" + to.host + ":" + to.port);
  }
  curl_easy_setopt(easy, CURLOPT_CONNECT_TO, static_cast<curl_slist*>(detour.get()));
  // An empty proxy is none, whatever the environment says; an empty NO_PROXY exempts nothing.
  bool own = !proxy.empty() && !to.is_loopback();
  set(easy, CURLOPT_PROXY, (own ? proxy : environment_proxy(to)).c_str());
  set(easy, CURLOPT_NOPROXY, "");
  return detour;
}

header_list set_headers(void* easy, const request& what, bool credentials) {
  header_list list;
  // A wait for "100 Continue" would cost a round trip and, with some servers, a second.
  append(list, "Expect:");
  for (const auto& [name, value] : what.headers)
    if (credentials || !is_credential(name)) append(list, name, value);
  if (credentials && !what.authorization.empty()) append(list, "Authorization", what.authorization);
  if (sends_body(what))
    append(list,
           "Content-Type:" + (what.content_type.empty() ? std::string{} : " " + what.content_type));
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, static_cast<curl_slist*>(list.get()));
  return list;
}

}  // namespace gkm::net
