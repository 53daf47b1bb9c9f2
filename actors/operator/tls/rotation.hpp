/// When the webhook's own certificates are made anew. Pure: state and time in, state out.
///
///   nothing, or unusable ──▶ authority and certificate made
///   authority old ──▶ a new one beside it, both trusted ──overlap──▶ certificate by the new one
///                                        the old one forgotten ◀──overlap──┘
///   certificate old, or for other names ──▶ issued anew
///
/// So whoever has read the state at most `overlap` ago trusts whatever is served.
#pragma once

#include "actors/operator/tls/certificate.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gkm::op {

/// What the Secret holds; texts are PEM.
struct certificate_state {
  std::string authorities;    ///< all that are trusted, the newest first
  std::string authority_key;  ///< of the newest
  key_pair serving;

  bool operator==(const certificate_state&) const = default;
};

struct rotation_rules {
  std::vector<std::string> names;  ///< that are served
  int64_t authority_life_s = int64_t{365} * 86'400;
  int64_t serving_life_s = int64_t{90} * 86'400;
  int64_t overlap_s = 3'600;  ///< how late readers may be
};

struct rotation_plan {
  std::optional<certificate_state> wanted;  ///< nothing: as it is
  int64_t review_unix_s = 0;                ///< when to ask again
};

/// At two thirds of its life a certificate is old.
result<rotation_plan> plan_rotation(const certificate_state& now_is, const rotation_rules& rules,
                                    int64_t now_unix_s);

}  // namespace gkm::op
