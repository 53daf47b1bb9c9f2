#include "net/failure.hpp"

#include "base/text.hpp"
#include "messages/printable.hpp"

#include <curl/curl.h>

#include <cctype>
#include <system_error>

namespace gkm::net {
namespace {

constexpr size_t max_detail_bytes = 200;

std::string seconds_text(std::chrono::milliseconds limit) {
  if (limit.count() % 1000 != 0) return std::to_string(limit.count()) + " ms";
  return std::to_string(limit.count() / 1000) + " s";
}

std::string quoted(const std::string& text) { return "'" + text + "'"; }

// The detail may quote a certificate that the other side wrote. Where it quotes a proxy's setting,
// there may be a password in it, and where that ends cannot be told in a setting that is malformed:
// nothing of it is shown.
std::string printable(const std::string& text) {
  auto quote =
      base::to_lower(text).find("proxy") == std::string::npos ? std::string::npos : text.find('\'');
  if (quote == std::string::npos) return gkm::printable(text, max_detail_bytes);
  return gkm::printable(text.substr(0, quote), max_detail_bytes) + "'...'";
}

std::string cause(int os_errno, const std::string& detail) {
  if (os_errno == 0) return printable(detail);
  auto text = std::generic_category().message(os_errno);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

error broken(const failure_facts& f) {
  if (!f.answered)
    return {
        errc::unavailable, "connection to " + quoted(f.origin) + " broke before it answered", {}};
  auto text =
      "connection to " + quoted(f.origin) + " broke after " + std::to_string(f.received_bytes);
  if (f.expected_bytes) text += " of " + std::to_string(*f.expected_bytes);
  return {errc::unavailable, text + " bytes", {}};
}

// With TLS 1.3 a server turns a client certificate down only after the handshake, so this may come
// as any kind of broken connection.
bool certificate_turned_down(const std::string& detail) {
  return detail.find("alert") != std::string::npos &&
         (detail.find("certificate") != std::string::npos ||
          detail.find("unknown ca") != std::string::npos);
}

error certificate_needed(const failure_facts& f) {
  auto remedy = std::string("; configure a client certificate for this host");
  if (!f.tls.client_cert_pem.empty())
    remedy = "; check the client certificate that is configured for this host";
  else if (!f.tls.client_cert_file.empty())
    remedy = "; check the client certificate " + quoted(f.tls.client_cert_file);
  return {errc::unauthorized,
          quoted(f.origin) + " turned our TLS identity down: " + printable(f.detail) + remedy,
          {}};
}

error handshake_failed(const failure_facts& f) {
  auto text = "TLS handshake with " + quoted(f.origin) + " failed: " + printable(f.detail);
  if (f.detail.find("wrong version number") != std::string::npos)
    text += "; does this host speak plain http?";
  return {errc::unavailable, text, {}};
}

std::string ca_name(const tls_config& tls) {
  if (!tls.ca_pem.empty()) return "as configured";
  return tls.ca_file.empty() ? std::string("of this system") : quoted(tls.ca_file);
}

error bad_local_tls(int code, const failure_facts& f) {
  if (code == CURLE_SSL_CACERT_BADFILE)
    return {errc::invalid_argument,
            "cannot load the CA certificates " + ca_name(f.tls) + " for " + quoted(f.origin) +
                ": " + printable(f.detail) + "; it must be a readable PEM file",
            {}};
  return {errc::invalid_argument,
          "cannot use the client certificate " +
              (f.tls.client_cert_pem.empty() ? quoted(f.tls.client_cert_file) : "as configured") +
              " for " + quoted(f.origin) + ": " + printable(f.detail) +
              "; it must be a readable PEM file with its key",
          {}};
}

error cannot_connect(const failure_facts& f) {
  return {errc::unavailable,
          "cannot connect to " + quoted(f.origin) + ": " + cause(f.os_errno, f.detail),
          {}};
}

}  // namespace

error describe_failure(int curl_code, const failure_facts& f) {
  if (certificate_turned_down(f.detail) && curl_code != CURLE_PEER_FAILED_VERIFICATION)
    return certificate_needed(f);
  switch (curl_code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return {errc::unavailable,
              "cannot find " + quoted(f.origin) +
                  ": its name has no address; check the name and this machine's DNS",
              {}};
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
      return {errc::unavailable,
              "cannot reach " + quoted(f.origin) + " through the proxy: " + printable(f.detail) +
                  "; check HTTPS_PROXY and NO_PROXY",
              {}};
    case CURLE_COULDNT_CONNECT:
      return cannot_connect(f);
    case CURLE_OPERATION_TIMEDOUT:
      return {errc::unavailable,
              "cannot connect to " + quoted(f.origin) + ": no connection within " +
                  seconds_text(f.limits.connect),
              {}};
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return broken(f);
    case CURLE_SSL_CONNECT_ERROR:
      return handshake_failed(f);
    case CURLE_PEER_FAILED_VERIFICATION:
      return {errc::unauthorized,
              "TLS certificate of " + quoted(f.origin) + " is not trusted: " + printable(f.detail) +
                  "; configure the CA that signed it for this host",
              {}};
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return bad_local_tls(curl_code, f);
    default:
      return {errc::unavailable,
              "request to " + quoted(f.origin) + " failed: " +
                  (f.detail.empty() ? curl_easy_strerror(static_cast<CURLcode>(curl_code))
                                    : printable(f.detail)),
              {}};
  }
}

error describe_unreachable(const std::string& origin) {
  return {errc::unavailable,
          quoted(origin) +
              " cannot be reached: check its name and port, that it speaks https with a "
              "certificate that GKM trusts, and that the network lets GKM reach it; GKM's log has "
              "the cause",
          {}};
}

error describe_no_answer(const failure_facts& f) {
  return {errc::unavailable,
          "no answer from " + quoted(f.origin) + " within " + seconds_text(f.limits.first_byte),
          {}};
}

error describe_stall(const failure_facts& f) {
  return {
      errc::unavailable,
      "transfer from " + quoted(f.origin) + " stalled: no byte for " + seconds_text(f.limits.stall),
      {}};
}

}  // namespace gkm::net
