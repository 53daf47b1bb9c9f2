#include "oci/registry/registry_client.hpp"

#include "messages/printable.hpp"
#include "oci/json.hpp"

#include <algorithm>

namespace gkm::oci {
namespace {

constexpr size_t max_error_body_bytes = 8 << 10;
constexpr size_t max_error_entries = 3;
constexpr size_t max_error_chars = 200;
constexpr int max_answers = 3;  // to 401s of one attempt; more only if tokens keep being replaced

std::string read_some(net::body_stream& body) {
  std::string text;
  while (text.size() < max_error_body_bytes) {
    auto next = body.next();
    if (!next || next->empty()) break;
    auto part = next->bytes();
    text.append(reinterpret_cast<const char*>(part.data()),
                std::min(part.size(), max_error_body_bytes - text.size()));
  }
  return text;
}

// The `errors[].message` of the distribution spec, or nothing.
std::string registry_message(net::body_stream& answer) {
  rapidjson::Document document;
  if (!json::parse(read_some(answer), "error", document)) return "";
  const auto* errors = json::find(document, "errors");
  if (!errors || !errors->IsArray()) return "";
  std::string out;
  for (size_t i = 0; i < std::min<size_t>(errors->Size(), max_error_entries); ++i) {
    const auto& entry = (*errors)[static_cast<rapidjson::SizeType>(i)];
    const auto* message = json::find(entry, "message");
    if (!message || !message->IsString()) message = json::find(entry, "code");
    if (!message || !message->IsString()) continue;
    out += (out.empty() ? "" : "; ") + printable(json::view(*message), max_error_chars);
  }
  return out;
}

// What Go, nginx and others say to plain HTTP on a TLS port.
bool says_tls_port(const std::string& body) {
  return body.find("HTTP request to an HTTPS server") != std::string::npos ||
         body.find("plain HTTP request was sent to HTTPS port") != std::string::npos;
}

// An answer whose body was looked at, and can be read again.
class replayed : public net::body_stream {
public:
  replayed(net::response_head head, std::string body)
      : head_(std::move(head)), body_(std::move(body)) {}

  const net::response_head& head() const override { return head_; }
  result<base::chunk> next() override {
    base::chunk out(body_.size());
    std::copy_n(std::as_bytes(std::span(body_)).begin(), body_.size(), out.spare().begin());
    out.grow(body_.size());
    body_.clear();
    return out;
  }

private:
  net::response_head head_;
  std::string body_;
};

net::tls_config tls_of(const registry_options& options) {
  return {options.ca_file, options.client_cert_file, options.client_key_file, false};
}

net::retry_policy retries_of(const registry_options& options) {
  return {options.attempts, options.first_retry_delay, options.max_retry_delay};
}

}  // namespace

registry_client::registry_client(net::engine& http, credential_store credentials,
                                 const registry_options& options)
    : http_(http),
      tls_(tls_of(options)),
      retries_(retries_of(options)),
      endpoints_(options),
      authorizer_(http, std::move(credentials), tls_, retries_) {}

attempt<registry_client::stream> registry_client::ask(const question& what, std::stop_token stop) {
  auto as = authorizer_.known(what.ref, stop);
  for (int answers = 0;; ++answers) {
    // The authorizer has tried again itself where that could help.
    if (!as) return give_up(as.error());
    auto got = send(what, *as, stop);
    if (!got) return got;
    const auto& head = (*got)->head();
    if (head.status == 200) return got;
    if (what.first_byte && head.status == 206) return got;
    if (what.from_byte > 0 && (head.status == 206 || head.status == 416)) return got;
    auto base = endpoints_.candidates(what.ref.host).front();
    // A storage host that a redirect led to is not the registry: its 401 gets no credentials.
    bool own = origin_of(head.url) == origin_of(base);
    if (head.status != 401 || !own || as->fresh || answers == max_answers)
      return tl::unexpected<failure>(refused(what, *as, **got));
    auto wanted = head.header("www-authenticate");
    read_some(**got);  // so that the connection can be used again
    got->reset();
    as = authorizer_.answer(what.ref, base, wanted, *as, stop);
  }
}

attempt<registry_client::stream> registry_client::send(const question& what, const grant& as,
                                                       std::stop_token stop) {
  auto bases = endpoints_.candidates(what.ref.host);
  if (bases.size() > 1) return send_undecided(what, bases, stop);
  auto got = send_to(bases.front(), what, as.header, stop);
  if (!got) return from_engine(got.error());
  return std::move(*got);
}

// Nothing secret is sent here: what the host wants is known only after it has answered.
attempt<registry_client::stream> registry_client::send_undecided(
    const question& what, const std::vector<std::string>& bases, std::stop_token stop) {
  std::optional<error> first;
  for (const auto& base : bases) {
    auto got = send_to(base, what, "", stop);
    if (!got) {
      bool other_may_work =
          got.error().code == errc::unavailable || got.error().code == errc::refused;
      if (!other_may_work) return from_engine(got.error());
      if (!first) first = got.error();
      continue;
    }
    if ((*got)->head().status == 400 && base.starts_with("http://")) {
      auto head = (*got)->head();
      auto body = read_some(**got);
      if (says_tls_port(body)) continue;
      *got = std::make_unique<replayed>(std::move(head), std::move(body));
    }
    endpoints_.settle(what.ref.host, base);
    return std::move(*got);
  }
  return from_engine(first.value_or(error{
      errc::unavailable, "registry '" + what.ref.host + "' speaks neither HTTP nor HTTPS", {}}));
}

result<registry_client::stream> registry_client::send_to(const std::string& base,
                                                         const question& what,
                                                         const std::string& authorization,
                                                         std::stop_token stop) {
  net::request request;
  request.method = what.method;
  request.url = base + "/v2/" + what.ref.repository + "/" + what.path;
  if (!what.accept.empty()) request.headers.emplace_back("Accept", what.accept);
  if (what.from_byte > 0)
    request.headers.emplace_back("Range", "bytes=" + std::to_string(what.from_byte) + "-");
  if (what.first_byte) request.headers.emplace_back("Range", "bytes=0-0");
  request.authorization = authorization;
  request.tls = tls_;
  return http_.open(request, stop);
}

failure registry_client::refused(const question& what, const grant& as,
                                 net::body_stream& answer) const {
  const auto& head = answer.head();
  auto said = registry_message(answer);
  auto base = endpoints_.candidates(what.ref.host).front();
  bool own = origin_of(head.url) == origin_of(base);
  if (head.status == 404)
    return {{errc::not_found,
             "no " + what.subject + " in registry '" + what.ref.host + "': " + what.remedy,
             {}}};
  if ((head.status == 401 || head.status == 403) && own)
    return {authorizer_.denied(what.ref, as.with_credentials, said)};
  auto text = "Failed to get " + what.subject + ": '" +
              (own ? what.ref.host : printable(origin_of(head.url))) + "' answered with status " +
              std::to_string(head.status) + (said.empty() ? "" : ": " + said);
  if (net::is_retryable_status(head.status))
    return {{errc::unavailable, text, head.retry_after().value_or(std::chrono::seconds{0})}, true};
  // What a redirect pointed to was signed for a short time; a new one may work.
  if (!own) return {{errc::unavailable, text, {}}, true};
  bool ours = head.status >= 400 && head.status < 500;
  return {{ours ? errc::invalid_argument : errc::unavailable, text, {}}};
}

}  // namespace gkm::oci
