#include "net/url.hpp"

#include "base/text.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace gkm::net {
namespace {

constexpr size_t max_url_bytes = 16 * 1024;

struct handle_deleter {
  void operator()(CURLU* h) const { curl_url_cleanup(h); }
};
using handle = std::unique_ptr<CURLU, handle_deleter>;

// Empty if the URL has no such part.
std::string part(CURLU* h, CURLUPart what, unsigned flags = 0) {
  char* raw = nullptr;
  if (curl_url_get(h, what, &raw, flags) != CURLUE_OK || !raw) return {};
  std::string text = raw;
  curl_free(raw);
  return text;
}

bool has_part(CURLU* h, CURLUPart what) {
  char* raw = nullptr;
  bool found = curl_url_get(h, what, &raw, 0) == CURLUE_OK;
  curl_free(raw);
  return found;
}

CURLUcode assign(CURLU* h, const std::string& text) {
  // Unknown schemes are let in here so that they can be refused by name below.
  return curl_url_set(h, CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE);
}

result<url> split(CURLU* h) {
  url u;
  u.scheme = base::to_lower(part(h, CURLUPART_SCHEME));
  if (u.scheme != "http" && u.scheme != "https")
    return fail(errc::refused,
                "URL with scheme '" + u.scheme.substr(0, 20) + "' refused: only http and https");
  if (has_part(h, CURLUPART_USER) || has_part(h, CURLUPART_PASSWORD))
    return fail(errc::refused,
                "URL with a user name or password in it refused: configure "
                "credentials for the host instead");
  curl_url_set(h, CURLUPART_FRAGMENT, nullptr, 0);
  u.host = base::to_lower(part(h, CURLUPART_HOST));
  u.port = part(h, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  u.text = part(h, CURLUPART_URL);
  if (u.host.empty() || u.port.empty() || u.text.empty())
    return fail(errc::invalid_argument, "URL without a host cannot be used");
  // Hosts are shown to people; as bytes a name of another script could hold control characters.
  if (std::any_of(u.host.begin(), u.host.end(), [](char c) { return c <= ' ' || c > '~'; }))
    return fail(errc::refused, "URL whose host is not ASCII refused: write it in its xn-- form");
  return u;
}

result<handle> start(const std::string& text) {
  if (text.size() > max_url_bytes || text.find('\0') != std::string::npos)
    return fail(errc::invalid_argument, "URL is longer than " + std::to_string(max_url_bytes) +
                                            " bytes or holds a NUL, it cannot be used");
  handle h{curl_url()};
  if (!h) return fail(errc::internal, "out of memory for a URL");
  if (auto rc = assign(h.get(), text); rc != CURLUE_OK)
    return fail(errc::invalid_argument,
                std::string("URL cannot be used: ") + curl_url_strerror(rc));
  return h;
}

}  // namespace

std::string url::origin() const {
  bool usual = port == (scheme == "https" ? "443" : "80");
  return scheme + "://" + host + (usual ? "" : ":" + port);
}

bool url::is_loopback() const {
  if (host == "localhost" || host == "[::1]") return true;
  in_addr v4{};
  return inet_pton(AF_INET, host.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

result<url> parse_url(const std::string& text) {
  auto h = start(text);
  if (!h) return fail(h.error());
  return split(h->get());
}

std::string with_host(const url& of, const std::string& host) {
  auto h = start(of.text);
  if (!h || curl_url_set(h->get(), CURLUPART_HOST, host.c_str(), 0) != CURLUE_OK) return of.text;
  return part(h->get(), CURLUPART_URL);
}

result<url> resolve_url(const url& base, const std::string& location) {
  if (location.size() > max_url_bytes || location.find('\0') != std::string::npos)
    return fail(errc::refused, "redirect to a URL of more than " + std::to_string(max_url_bytes) +
                                   " bytes refused");
  auto h = start(base.text);
  if (!h) return fail(h.error());
  if (auto rc = assign(h->get(), location); rc != CURLUE_OK)
    return fail(errc::refused,
                std::string("redirect to a malformed URL refused: ") + curl_url_strerror(rc));
  return split(h->get());
}

bool same_origin(const url& a, const url& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

bool may_connect(const url& to, bool plain_http_anywhere,
                 const std::vector<std::string>& plain_http_hosts) {
  if (to.scheme == "https" || plain_http_anywhere || to.is_loopback()) return true;
  return std::any_of(plain_http_hosts.begin(), plain_http_hosts.end(), [&](const auto& entry) {
    auto allowed = base::to_lower(entry);
    return allowed == to.host || allowed == to.host + ":" + to.port;
  });
}

}  // namespace gkm::net
