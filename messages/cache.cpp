#include "messages/cache.hpp"

#include "messages/printable.hpp"

#include <algorithm>
#include <array>

namespace gkm {
namespace {

constexpr size_t max_label_chars = 63;
constexpr size_t max_subdomain_chars = 253;

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_label(std::string_view text) {
  return !text.empty() && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_subdomain(std::string_view text) {
  for (size_t from = 0;;) {
    auto dot = text.find('.', from);
    if (!is_label(text.substr(from, dot == text.npos ? dot : dot - from))) return false;
    if (dot == text.npos) return true;
    from = dot + 1;
  }
}

std::string excerpt(std::string_view text) { return printable(text, 80); }

constexpr std::array<std::string_view, 5> state_names{"Pending", "Extracted", "Running", "Outdated",
                                                      "Error"};

}  // namespace

result<cache_ref> cache_ref::make(std::string_view ns, std::string_view name) {
  if (!ns.empty() && (ns.size() > max_label_chars || !is_label(ns)))
    return fail(errc::invalid_argument,
                "namespace '" + excerpt(ns) +
                    "' is not a valid name: at most 63 lower-case letters, digits and '-', "
                    "beginning and ending with a letter or digit");
  if (name.size() > max_subdomain_chars || !is_subdomain(name))
    return fail(errc::invalid_argument,
                "name '" + excerpt(name) +
                    "' is not a valid name: at most 253 lower-case letters, digits, '-' and '.', "
                    "each part beginning and ending with a letter or digit");
  return cache_ref{std::string(ns), std::string(name)};
}

std::string cache_ref::str() const {
  return std::string(kind()) + ' ' + (is_cluster() ? name : ns + '/' + name);
}

std::string_view to_string(cache_state s) {
  auto i = static_cast<size_t>(s);
  return i < state_names.size() ? state_names[i] : "Unknown";
}

result<cache_state> parse_cache_state(std::string_view text) {
  auto it = std::find(state_names.begin(), state_names.end(), text);
  if (it == state_names.end())
    return fail(errc::invalid_argument, "state '" + excerpt(text) + "' is unknown");
  return static_cast<cache_state>(it - state_names.begin());
}

}  // namespace gkm
