// What registries and API servers answer around their bodies: headers, URLs, challenges, tokens,
// ranges; and the logins that people keep for them.
#include "net/http.hpp"

#include "net/address.hpp"
#include "net/head_parser.hpp"
#include "net/server/listen_address.hpp"
#include "net/url.hpp"
#include "oci/registry/challenge.hpp"
#include "oci/registry/credentials.hpp"
#include "oci/registry/registry_blob.hpp"
#include "oci/registry/token_request.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

namespace gkm::fuzz {
namespace {

bool is_shown_safely(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

void check_url(const net::url& u) {
  require(u.scheme == "http" || u.scheme == "https", "a scheme that is not allowed");
  require(!u.host.empty() && !u.port.empty() && is_shown_safely(u.host),
          "a host that cannot be shown");
  require(u.text.find('#') == u.text.npos, "a fragment is left");
  auto again = net::parse_url(u.text);
  require_ok(again, "a URL's own text is not read: " + u.text);
  require(again->text == u.text && net::same_origin(u, *again),
          "a URL's text is another URL: " + u.text);
  require(again->is_loopback() == u.is_loopback(),
          "a URL's text is loopback, it is not, or the reverse");
  net::names_local_address(u);
  require(net::may_connect(u, true, {}), "a URL may be connected to nowhere");
}

// A URL, then where it redirects to.
void read_url(std::string_view input) {
  auto [text, location] = first_line(input);
  auto base = net::parse_url(std::string(text));
  if (!base) return;
  check_url(*base);
  if (auto to = net::resolve_url(*base, std::string(location))) check_url(*to);
}

void read_head(std::string_view input) {
  work_meter work;
  net::head_parser parser;
  size_t bytes = 0;
  auto rest = input;
  while (!rest.empty()) {
    auto line = rest.substr(0, std::min(rest.find('\n'), rest.size() - 1) + 1);
    rest.remove_prefix(line.size());
    bytes += line.size();
    if (parser.feed(line) == net::head_parser::outcome::too_big) return;
  }
  require(bytes <= net::max_header_bytes, "more headers than the limit");
  net::response_head head{200, parser.take_fields(), "https://x"};
  size_t kept = 0;
  for (const auto& [name, value] : head.headers) {
    require(name.find_first_of("\r\n") == name.npos && value.find('\n') == value.npos,
            "a header has a line break");
    kept += name.size() + value.size();
  }
  require(kept <= 2 * bytes, "headers grew");
  if (auto pause = head.retry_after())
    require(pause->count() >= 0, "a pause that is over before it began");
  work.require_at_most(16 << 10, 64, input.size(), "headers");
}

void read_challenge(std::string_view input) {
  work_meter work;
  const auto all = oci::parse_challenges(input);
  require(all.size() <= 16, "too many challenges");
  for (const auto& c : all)
    require(!c.scheme.empty() && c.params.size() <= 32, "a challenge is not bounded");
  work.require_at_most(16 << 10, 64, input.size(), "challenges");
}

void read_token(std::string_view input) {
  auto answer = oci::parse_token_answer(input);
  if (!answer) return;
  require(!answer->token.empty() && is_shown_safely(answer->token),
          "a token that is no header's value");
  require(answer->lifetime.count() > 0, "a token that never held");
}

// Secrets of the cluster: the helpers that they name must not run, so what they say is asked for.
void read_logins(std::string_view input) {
  work_meter work;
  (void)oci::credential_store::parse(input);
  auto store = oci::credential_store::parse_pull_secret(input);
  if (store)
    for (const char* image : {"quay.io/gkm/x:y", "busybox", "localhost:5000/a/b/c"})
      require(store->find(*image_ref::parse(image)).has_value(), "a pull secret asked a helper");
  work.require_at_most(256 << 10, 256, input.size(), "logins");
}

void read_range(std::string_view input) {
  if (auto range = oci::parse_content_range(input))
    require(range->total == 0 || range->first < range->total, "a range begins beyond its end");
}

void encode(std::string_view input) {
  const auto text = oci::percent_encode(input);
  require(is_shown_safely(text) && text.find_first_of("&=?#/+") == text.npos,
          "what is encoded is not safe");
  require(text.size() <= 3 * input.size(), "what is encoded grew");
}

void read_listen_address(std::string_view input) {
  if (auto at = net::parse_listen_address(input))
    require(at->port >= 0 && at->port <= 65'535, "no port");
}

}  // namespace

std::vector<subject> subjects() {
  return {
      {"url",
       read_url,
       {"https://quay.io/v2/\n/v2/x?y=z#f", "http://[::1]:5000/a\n//other:1/b",
        "HTTPS://QUAY.io:443/a/../b\n../c", "https://x/\nhttp://169.254.169.254/",
        "https://0x7f.1/\n\\\\evil", "http://h%41/\nftp://x", "https://u:p@x/"}},
      {"head",
       read_head,
       {"HTTP/1.1 200 OK\r\nRetry-After: 120\r\nContent-Length: 3\r\nX: a\r\nX: b\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/2 429\r\nretry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\n "
        "folded\r\n: x\r\n\r\n"}},
      {"challenge",
       read_challenge,
       {R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:x:pull,push")",
        R"(Negotiate YII+/=, , Basic Realm = "a \"quoted\", b" , BEARER realm=https://x/t , scope="s",NTLM)"}},
      {"token",
       read_token,
       {R"({"token":"abc.def","expires_in":300})",
        R"({"access_token":"x","expires_in":18446744073709551615})"}},
      {"logins",
       read_logins,
       {R"({"auths":{"quay.io":{"auth":"dTpw"},"https://index.docker.io/v1/":{"username":"u","password":"p"}},)"
        R"("credHelpers":{"x":"no-such"},"credsStore":"no-such"})",
        R"({"quay.io/gkm":{"auth":"dTpw"},"localhost:5000":{"identitytoken":"t","auth":"dTo="}})"}},
      {"range", read_range, {"bytes 5-9/10", "bytes 0-1/*", "bytes 18446744073709551615-0/1"}},
      {"encode", encode, {"a b/c?d=e&f", "\xff\x00"}},
      {"listen", read_listen_address, {"127.0.0.1:80", "[::1]:8443", ":0", "host:99999"}},
  };
}

std::vector<std::string> tokens() {
  return {"https://",
          "http://",
          "localhost",
          "127.0.0.1",
          "[::1]",
          "[fe80::1%25eth0]",
          "//",
          "/../",
          "%2e%2e",
          "%00",
          "@",
          "#",
          "?",
          "\\",
          "HTTP/1.1 ",
          "Retry-After: ",
          "\r\n",
          "realm=",
          "\"auths\"",
          "\"auth\"",
          "dTpw",
          "\"identitytoken\"",
          "\"credHelpers\"",
          "\"token\"",
          "\"expires_in\"",
          "bytes ",
          "/*",
          "Bearer ",
          "Basic "};
}

}  // namespace gkm::fuzz
