#include "net/head_parser.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace gkm::net {
namespace {

// RFC 9110, 5.1 and 5.5: libcurl cuts lines at line feeds only, so a carriage return may stand in
// them.
bool is_name(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           marks.find(c) != marks.npos;
  });
}
bool is_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f;
  });
}

}  // namespace

head_parser::outcome head_parser::feed(std::string_view line) {
  bytes_ += line.size();
  if (bytes_ > max_header_bytes || ++lines_ > max_header_lines) return outcome::too_big;
  if (line.starts_with("HTTP/")) {
    fields_.clear();
    return outcome::more;
  }
  if (base::trimmed(line).empty()) return outcome::block_ended;
  add_field(line);
  return outcome::more;
}

void head_parser::add_field(std::string_view line) {
  auto colon = line.find(':');
  // A line that begins with space continues the one before, an obsolete form that nobody we ask
  // uses.
  if (colon == std::string_view::npos || colon == 0 || line[0] == ' ' || line[0] == '\t') return;
  auto name = base::trimmed(line.substr(0, colon));
  auto value = base::trimmed(line.substr(colon + 1));
  if (!is_name(name) || !is_value(value)) return;
  auto [at, fresh] = fields_.try_emplace(base::to_lower(name), value);
  if (!fresh) at->second.append(", ").append(value);
}

}  // namespace gkm::net
