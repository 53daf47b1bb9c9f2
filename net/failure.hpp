/// What libcurl calls a number, as a kind and a text that a person can act on.
#pragma once

#include "net/http.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace gkm::net {

/// What is known when a transfer fails. Nothing in it may hold a path, a query or a credential.
struct failure_facts {
  std::string origin;
  timeouts limits;
  tls_config tls;
  bool answered = false;                   ///< the head is complete
  uint64_t received_bytes = 0;             ///< of the body
  std::optional<uint64_t> expected_bytes;  ///< if the answer said so
  int os_errno = 0;
  std::string detail;  ///< libcurl's own words
};

error describe_failure(int curl_code, const failure_facts& facts);
/// For those who are not to know why.
error describe_unreachable(const std::string& origin);
error describe_no_answer(const failure_facts& facts);
error describe_stall(const failure_facts& facts);

}  // namespace gkm::net
