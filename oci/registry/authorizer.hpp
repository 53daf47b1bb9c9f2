/// Turns a registry's 401 into an `Authorization` header: Basic, or a Bearer token from the realm
/// that the registry names. Credentials go to the registry and to that realm, nowhere else, and
/// never over plain HTTP unless the registry itself speaks it. Safe to use from several threads.
#pragma once

#include "net/http.hpp"
#include "net/retry.hpp"
#include "oci/registry/attempts.hpp"
#include "oci/registry/challenge.hpp"
#include "oci/registry/credentials.hpp"

#include <chrono>
#include <compare>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace gkm::oci {

/// What to send, and what that was worth.
struct grant {
  std::string header;  ///< empty: nothing is sent
  bool fresh = false;  ///< made just now: if it is not accepted, another will not be either
  bool with_credentials = false;  ///< an account stands behind it, not just an anonymous token
};

class authorizer {
public:
  using time_point = std::chrono::steady_clock::time_point;

  authorizer(net::engine& http, credential_store credentials, net::tls_config tls,
             net::retry_policy retries,
             std::function<time_point()> now = std::chrono::steady_clock::now)
      : http_(http),
        store_(std::move(credentials)),
        tls_(std::move(tls)),
        retries_(retries),
        now_(std::move(now)) {}

  /// What this repository wanted the last time; fetches a new token if the old one has run out.
  result<grant> known(const image_ref& ref, std::stop_token stop);

  /// After a 401 from `origin` that carried `www_authenticate` and turned `rejected` down.
  result<grant> answer(const image_ref& ref, const std::string& origin,
                       const std::string& www_authenticate, const grant& rejected,
                       std::stop_token stop);

  /// "unauthorized", for people: what was tried and what to do about it.
  std::string helper_text(const image_ref& ref) const;
  error denied(const image_ref& ref, bool with_credentials, const std::string& detail) const;

private:
  struct token_key {
    std::string realm;
    std::string service;
    std::string scope;
    std::string account;  ///< user and secret
    auto operator<=>(const token_key&) const = default;
  };
  struct token {
    std::string header;
    time_point expires;
  };
  struct access {
    bool bearer = false;
    token_key key;
    std::optional<credential> who;
  };

  result<access> choose(const image_ref& ref, const std::string& origin,
                        const std::string& www_authenticate) const;
  result<grant> grant_for(const image_ref& ref, const access& how, const std::string& rejected,
                          std::stop_token stop);
  result<token> fetch_token(const image_ref& ref, const access& how, std::stop_token stop);
  attempt<token> fetch_token_once(const image_ref& ref, const access& how, std::stop_token stop);

  net::engine& http_;
  const credential_store store_;
  const net::tls_config tls_;
  const net::retry_policy retries_;
  const std::function<time_point()> now_;

  std::mutex mutex_;
  std::map<std::string, access> known_;  ///< by host/repository
  std::map<token_key, token> tokens_;
};

}  // namespace gkm::oci
