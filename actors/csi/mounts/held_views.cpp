#include "actors/csi/mounts/held_views.hpp"

#include <algorithm>

namespace gkm::csi {

bool held_view::owns(const mount_identity& mount) const {
  return std::any_of(mounts.begin(), mounts.end(),
                     [&](const mount_identity& m) { return m.is_same(mount); });
}

void held_views::put(const std::string& key, held_view view) {
  std::lock_guard lock(mutex_);
  views_.insert_or_assign(key, std::move(view));
}

std::optional<held_view> held_views::find(const std::string& key) const {
  std::lock_guard lock(mutex_);
  auto it = views_.find(key);
  return it == views_.end() ? std::nullopt : std::optional(it->second);
}

std::optional<held_view> held_views::take(const std::string& key) {
  std::lock_guard lock(mutex_);
  auto node = views_.extract(key);
  return node.empty() ? std::nullopt : std::optional(std::move(node.mapped()));
}

}  // namespace gkm::csi
