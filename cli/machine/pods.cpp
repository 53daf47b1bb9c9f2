#include "cli/machine/pods.hpp"

#include <set>

namespace gkm::cli {
namespace {

bool is_old(const cache_status& s, const mounted_volume& v) {
  return !v.manifest.empty() && v.manifest != s.stored.manifest;
}

}  // namespace

std::string pods_cell(const cache_status& s) {
  if (s.volumes.empty()) return "-";
  size_t current = 0, old = 0, empty = 0;
  for (const auto& v : s.volumes) ++(v.manifest.empty() ? empty : is_old(s, v) ? old : current);
  auto text = std::to_string(current);
  if (old != 0) text += " +" + std::to_string(old) + " old";
  if (empty != 0) text += " +" + std::to_string(empty) + " empty";
  return text;
}

std::string old_digests_cell(const cache_status& s) {
  std::set<std::string> old;
  for (const auto& v : s.volumes)
    if (is_old(s, v)) old.insert(v.manifest.brief());
  std::string text;
  for (const auto& d : old) text += (text.empty() ? "" : ", ") + d;
  return text.empty() ? "-" : text;
}

}  // namespace gkm::cli
