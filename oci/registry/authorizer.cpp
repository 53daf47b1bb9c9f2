#include "oci/registry/authorizer.hpp"

#include "messages/printable.hpp"
#include "oci/registry/token_request.hpp"

#include <algorithm>

namespace gkm::oci {
namespace {

constexpr size_t max_remembered = 4'096;  // repositories, and tokens
constexpr size_t max_answer_bytes = 1 << 20;
constexpr size_t max_realm_chars = 2'048;

std::string key_of(const image_ref& ref) { return ref.host + "/" + ref.repository; }

std::string param(const challenge& c, const std::string& name) {
  auto it = c.params.find(name);
  return it == c.params.end() ? "" : it->second;
}

const challenge* find(const std::vector<challenge>& all, std::string_view scheme) {
  auto it = std::find_if(all.begin(), all.end(),
                         [scheme](const challenge& c) { return c.scheme == scheme; });
  return it == all.end() ? nullptr : &*it;
}

// The realm gets the password: it must be as well protected as the registry itself.
bool may_be_realm(const std::string& realm, const std::string& origin) {
  bool clean = realm.size() <= max_realm_chars &&
               std::all_of(realm.begin(), realm.end(), [](char c) { return c > ' ' && c <= '~'; });
  return clean && (realm.starts_with("https://") ||
                   (realm.starts_with("http://") && origin.starts_with("http://")));
}

std::string account_of(const std::optional<credential>& who) {
  if (!who) return "";
  return who->username + '\n' + who->password + '\n' + who->identity_token;
}

std::string schemes_of(const std::vector<challenge>& all) {
  std::string out;
  for (const auto& c : all) out += (out.empty() ? "" : ", ") + printable(c.scheme, 20);
  return out;
}

}  // namespace

std::string authorizer::helper_text(const image_ref& ref) const {
  auto helper = store_.helper_for(ref);
  return helper.empty() ? "" : ", and '" + helper + "' knows none or is not installed";
}

error authorizer::denied(const image_ref& ref, bool with_credentials,
                         const std::string& detail) const {
  auto text = "registry '" + ref.host + "' does not let us read '" + ref.repository + "'" +
              (detail.empty() ? "" : " (" + detail + ")");
  auto where = store_.origin().empty() ? "" : " in '" + store_.origin() + "'";
  if (with_credentials)
    text += ": the credentials" + where + " were not accepted: run 'docker login " + ref.host +
            "' again, or ask for access to the repository";
  else
    text += ": there are no credentials for it" + where + helper_text(ref) +
            ": run 'docker login " + ref.host +
            "', or check the name, as registries hide what does not exist";
  return {errc::unauthorized, std::move(text), {}};
}

result<authorizer::access> authorizer::choose(const image_ref& ref, const std::string& origin,
                                              const std::string& www_authenticate) const {
  auto challenges = parse_challenges(www_authenticate);
  const auto* bearer = find(challenges, "bearer");
  const auto* basic = find(challenges, "basic");
  if (!bearer && !basic)
    return fail(errc::unauthorized, "registry '" + ref.host + "' wants authentication of kind '" +
                                        schemes_of(challenges) + "', GKM knows Bearer and Basic");
  access how;
  how.bearer = bearer != nullptr;
  if (bearer) {
    how.key.realm = param(*bearer, "realm");
    how.key.service = param(*bearer, "service");
    how.key.scope = param(*bearer, "scope");
    if (how.key.scope.empty()) how.key.scope = "repository:" + ref.repository + ":pull";
    if (!may_be_realm(how.key.realm, origin))
      return fail(errc::refused, "registry '" + ref.host + "' sends us for a token to '" +
                                     printable(how.key.realm) +
                                     "', which is no https URL: nothing was sent there");
  }
  // `docker login` may have been run since.
  auto who = store_.read_again().find(ref);
  if (!who) return wrap(who.error(), "No credentials for '" + ref.host + "'");
  how.who = std::move(*who);
  if (!bearer && (!how.who || how.who->password.empty()))
    return fail(denied(ref, false, "it asks for a user name and password"));
  how.key.account = account_of(how.who);
  return how;
}

result<grant> authorizer::known(const image_ref& ref, std::stop_token stop) {
  access how;
  {
    std::lock_guard lock(mutex_);
    auto it = known_.find(key_of(ref));
    if (it == known_.end()) return grant{};
    how = it->second;
  }
  if (!how.bearer) return grant{basic_authorization(*how.who), false, true};
  return grant_for(ref, how, "", stop);
}

result<grant> authorizer::answer(const image_ref& ref, const std::string& origin,
                                 const std::string& www_authenticate, const grant& rejected,
                                 std::stop_token stop) {
  auto how = choose(ref, origin, www_authenticate);
  if (!how) return fail(how.error());
  auto given = how->bearer ? grant_for(ref, *how, rejected.header, stop)
                           : grant{basic_authorization(*how->who), true, true};
  if (!given) return given;
  std::lock_guard lock(mutex_);
  if (known_.size() >= max_remembered) known_.clear();
  known_[key_of(ref)] = std::move(*how);
  return given;
}

result<grant> authorizer::grant_for(const image_ref& ref, const access& how,
                                    const std::string& rejected, std::stop_token stop) {
  auto now = now_();
  {
    std::lock_guard lock(mutex_);
    auto it = tokens_.find(how.key);
    if (it != tokens_.end() && it->second.expires > now && it->second.header != rejected)
      return grant{it->second.header, false, how.who.has_value()};
  }
  auto fetched = fetch_token(ref, how, stop);
  if (!fetched) return fail(fetched.error());
  grant given{fetched->header, true, how.who.has_value()};
  std::lock_guard lock(mutex_);
  if (tokens_.size() >= max_remembered)
    std::erase_if(tokens_, [now](const auto& t) { return t.second.expires <= now; });
  if (tokens_.size() >= max_remembered) tokens_.clear();
  tokens_[how.key] = std::move(*fetched);
  return given;
}

result<authorizer::token> authorizer::fetch_token(const image_ref& ref, const access& how,
                                                  std::stop_token stop) {
  return retrying(retries_, stop, [&] { return fetch_token_once(ref, how, stop); });
}

attempt<authorizer::token> authorizer::fetch_token_once(const image_ref& ref, const access& how,
                                                        std::stop_token stop) {
  // Counted from before the request: a slow realm must not make a token look younger than it is.
  auto asked = now_();
  auto step = "token for '" + key_of(ref) + "' from '" + printable(how.key.realm) + "'";
  auto request = make_token_request(how.key.realm, how.key.service, how.key.scope, how.who);
  request.tls = tls_;
  auto got = http_.fetch(request, max_answer_bytes, stop);
  if (!got) {
    auto failed = got.error();
    failed.message = "Failed to get a " + step + ": " + failed.message;
    return from_engine(std::move(failed));
  }
  auto status = got->head.status;
  if (status == 401 || status == 403)
    return give_up(
        denied(ref, how.who.has_value(), "no " + step + ": status " + std::to_string(status)));
  if (status != 200) {
    error e{errc::unavailable, "Failed to get a " + step + ": status " + std::to_string(status),
            got->head.retry_after().value_or(std::chrono::seconds{0})};
    return tl::unexpected<failure>(failure{std::move(e), net::is_retryable_status(status)});
  }
  auto answer = parse_token_answer(got->body);
  if (!answer)
    return give_up(
        {errc::unavailable, "Failed to get a " + step + ": " + answer.error().message, {}});
  return token{"Bearer " + answer->token, asked + answer->lifetime};
}

}  // namespace gkm::oci
