/// The two messages of the token protocol (distribution spec's "token authentication"): the request
/// to a realm and its answer. Pure functions.
#pragma once

#include "net/http.hpp"
#include "oci/registry/credentials.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gkm::oci {

/// GET with Basic authentication, or POST of the identity token.
net::request make_token_request(const std::string& realm, const std::string& service,
                                const std::string& scope, const std::optional<credential>& who);

struct token_answer {
  std::string token;
  std::chrono::seconds lifetime;
};

/// `errc::malformed` if there is no usable token in it. Never quotes the body.
result<token_answer> parse_token_answer(std::string_view body);

std::string basic_authorization(const credential& who);

std::string percent_encode(std::string_view text);

}  // namespace gkm::oci
