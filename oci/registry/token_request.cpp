#include "oci/registry/token_request.hpp"

#include "base/base64.hpp"
#include "oci/json.hpp"

#include <algorithm>

namespace gkm::oci {
namespace {

constexpr std::chrono::seconds default_lifetime{60};
constexpr std::chrono::seconds max_lifetime{24 * 3'600};
constexpr size_t max_token_bytes = 64 << 10;

bool is_header_safe(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    if (plain.find(c) != std::string_view::npos)
      out += c;
    else
      out += {'%', digits[u >> 4], digits[u & 15]};
  }
  return out;
}

std::string basic_authorization(const credential& who) {
  return "Basic " + base::to_base64(who.username + ":" + who.password);
}

net::request make_token_request(const std::string& realm, const std::string& service,
                                const std::string& scope, const std::optional<credential>& who) {
  net::request out;
  out.url = realm;
  auto fields = (service.empty() ? "" : "service=" + percent_encode(service) + "&") +
                "scope=" + percent_encode(scope);
  if (who && !who->identity_token.empty()) {
    out.method = "POST";
    out.content_type = "application/x-www-form-urlencoded";
    out.body = "grant_type=refresh_token&client_id=gkm&" + fields +
               "&refresh_token=" + percent_encode(who->identity_token);
    return out;
  }
  out.url += (realm.find('?') == std::string::npos ? "?" : "&") + fields;
  if (who) out.authorization = basic_authorization(*who);
  return out;
}

result<token_answer> parse_token_answer(std::string_view body) {
  rapidjson::Document document;
  if (auto ok = json::parse(body, "the answer", document); !ok) return fail(ok.error());
  auto text = json::text(document, "token", "");
  if (text && text->empty()) text = json::text(document, "access_token", "");
  if (!text) return fail(text.error());
  if (text->empty() || text->size() > max_token_bytes || !is_header_safe(*text))
    return fail(errc::malformed, "there is no usable token in the answer");
  token_answer out{std::move(*text), default_lifetime};
  const auto* lifetime = json::find(document, "expires_in");
  if (lifetime && lifetime->IsUint64() && lifetime->GetUint64() > 0)
    out.lifetime = std::chrono::seconds(
        std::min<uint64_t>(lifetime->GetUint64(), static_cast<uint64_t>(max_lifetime.count())));
  return out;
}

}  // namespace gkm::oci
