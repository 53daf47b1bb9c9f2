#include "messages/cache_object.hpp"

#include "messages/printable.hpp"

#include <algorithm>

namespace gkm {

std::string_view to_string(condition_status s) {
  switch (s) {
    case condition_status::unknown:
      return "Unknown";
    case condition_status::no:
      return "False";
    case condition_status::yes:
      return "True";
  }
  return "Unknown";
}

result<condition_status> parse_condition_status(std::string_view text) {
  for (auto s : {condition_status::unknown, condition_status::no, condition_status::yes})
    if (to_string(s) == text) return s;
  return fail(errc::malformed, "condition status '" + printable(text) +
                                   "' is none of 'True', 'False' and 'Unknown'");
}

const condition* find_condition(const std::vector<condition>& all, std::string_view name) {
  auto at = std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.name == name; });
  return at == all.end() ? nullptr : &*at;
}

void set_condition(std::vector<condition>& all, condition wanted) {
  auto at =
      std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.name == wanted.name; });
  if (at == all.end()) {
    all.push_back(std::move(wanted));
    return;
  }
  if (at->status == wanted.status && at->changed_unix_s != 0)
    wanted.changed_unix_s = at->changed_unix_s;
  *at = std::move(wanted);
}

}  // namespace gkm
