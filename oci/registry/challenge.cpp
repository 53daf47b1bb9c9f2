#include "oci/registry/challenge.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <optional>

namespace gkm::oci {
namespace {

constexpr size_t max_challenges = 16;
constexpr size_t max_params = 32;
constexpr size_t max_header_bytes = 16 << 10;
constexpr std::string_view token68_extra = "-._~+/";
constexpr std::string_view token_extra = "!#$%&'*+-.^_`|~";

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

struct reader {
  std::string_view rest;

  bool at_end() const { return rest.empty(); }
  void skip(std::string_view chars) {
    rest.remove_prefix(std::min(rest.find_first_not_of(chars), rest.size()));
  }
  bool take(char c) {
    if (!rest.starts_with(c)) return false;
    rest.remove_prefix(1);
    return true;
  }
  std::string_view word(std::string_view extra) {
    size_t n = 0;
    while (n < rest.size() && (is_alnum(rest[n]) || extra.find(rest[n]) != extra.npos)) ++n;
    auto out = rest.substr(0, n);
    rest.remove_prefix(n);
    return out;
  }
  std::optional<std::string> quoted() {
    std::string out;
    while (!rest.empty()) {
      char c = rest.front();
      rest.remove_prefix(1);
      if (c == '"') return out;
      if (c == '\\' && !rest.empty()) {
        c = rest.front();
        rest.remove_prefix(1);
      }
      out += c;
    }
    return {};
  }
};

// `name = value`; leaves `in` alone if there is none.
bool take_param(reader& in, challenge& out) {
  auto ahead = in;
  auto name = ahead.word(token_extra);
  ahead.skip(" \t");
  if (name.empty() || !ahead.take('=')) return false;
  ahead.skip(" \t");
  if (ahead.take('"')) {
    auto value = ahead.quoted();
    if (!value) return false;
    out.params[base::to_lower(name)] = std::move(*value);
  } else {
    // Unquoted values with ':' or '/' are not tokens, yet some registries send them.
    auto value = ahead.rest.substr(0, ahead.rest.find_first_of(", \t"));
    ahead.rest.remove_prefix(value.size());
    out.params[base::to_lower(name)] = std::string(value);
  }
  in = ahead;
  return true;
}

// The one opaque word of "Negotiate YII=": recognised so that it is not taken for a parameter.
void skip_token68(reader& in) {
  auto ahead = in;
  if (ahead.word(token68_extra).empty()) return;
  ahead.skip("=");
  ahead.skip(" \t");
  if (ahead.at_end() || ahead.rest.front() == ',') in = ahead;
}

void take_params(reader& in, challenge& out) {
  while (out.params.size() < max_params && take_param(in, out)) {
    auto ahead = in;
    ahead.skip(" \t,");
    auto next = ahead;
    challenge unused;
    if (!take_param(next, unused)) return;
    in = ahead;
  }
}

}  // namespace

std::vector<challenge> parse_challenges(std::string_view text) {
  std::vector<challenge> out;
  reader in{text.substr(0, max_header_bytes)};
  while (out.size() < max_challenges) {
    in.skip(" \t,");
    auto scheme = in.word(token_extra);
    if (scheme.empty()) break;
    challenge next{base::to_lower(scheme), {}};
    in.skip(" \t");
    skip_token68(in);
    take_params(in, next);
    in.skip(" \t");
    bool separated = in.at_end() || in.rest.front() == ',';
    out.push_back(std::move(next));
    if (!separated) break;
  }
  return out;
}

}  // namespace gkm::oci
