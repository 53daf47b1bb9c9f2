/// What a registry wants to see: the `WWW-Authenticate` header of a 401 (RFC 9110, 11.6.1).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::oci {

struct challenge {
  std::string scheme;                         ///< lower-case: "bearer", "basic"
  std::map<std::string, std::string> params;  ///< names lower-case, values without quotes
};

/// In the order sent; several headers joined with ", " are one text. Of a malformed text what came
/// before the fault; at most 16 challenges.
std::vector<challenge> parse_challenges(std::string_view text);

}  // namespace gkm::oci
