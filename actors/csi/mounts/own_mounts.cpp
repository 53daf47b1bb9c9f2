#include "actors/csi/mounts/own_mounts.hpp"

#include "actors/csi/files/beneath.hpp"
#include "actors/csi/mounts/view_builder.hpp"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>

namespace gkm::csi {
namespace {

/// A directory as the table names it when it is mounted elsewhere.
struct home {
  uint32_t dev_major = 0;
  uint32_t dev_minor = 0;
  std::string path;  ///< from the root of its file system, with a slash at the end; empty: unknown
};

home home_of(const std::vector<mount_entry>& table, int root, const std::string& name) {
  auto dir = open_beneath(root, name, O_PATH | O_DIRECTORY);
  if (!dir) return {};
  auto in = mount_of(dir.get());
  if (!in) return {};
  auto entry = std::find_if(table.begin(), table.end(),
                            [&](const mount_entry& e) { return e.id == in->id; });
  if (entry == table.end()) return {};
  auto path = real_path(dir.get());
  auto below = entry->mounted_on == "/" ? path : path.substr(entry->mounted_on.size());
  return {entry->dev_major, entry->dev_minor,
          (entry->root == "/" ? "" : entry->root) + below + '/'};
}

/// For "<home>/<name>/<last>": the name; empty if `entry` shows something else.
std::string name_in(const home& home, const mount_entry& entry, std::string_view last) {
  constexpr std::string_view deleted = "//deleted";
  std::string_view root = entry.root;
  if (root.ends_with(deleted)) root.remove_suffix(deleted.size());
  if (home.path.empty() || entry.dev_major != home.dev_major || entry.dev_minor != home.dev_minor ||
      !root.starts_with(home.path))
    return {};
  root.remove_prefix(home.path.size());
  auto slash = root.find('/');
  if (slash == std::string_view::npos || root.substr(slash + 1) != last) return {};
  return std::string(root.substr(0, slash));
}

/// What kubelet binds into containers piece by piece.
bool is_kubelets(const std::string& target) {
  return target.find("/volume-subpaths/") != std::string::npos;
}

}  // namespace

bool own_mount::may_be_of(const std::string& volume_key, const volume_record& record) const {
  return key.empty() ? record.view == view_kind::readonly && manifest == record.manifest.hex
                     : volume_key.starts_with(key);
}

std::map<std::string, std::vector<own_mount>> own_mounts(const std::vector<mount_entry>& table,
                                                         const target_tree& targets, int root,
                                                         const std::string& instance) {
  const auto scratch = home_of(table, root, "scratch");
  const auto store = home_of(table, root, "store/sha256");
  const auto overlays = view_source(instance, "");
  std::map<std::string, std::vector<own_mount>> found;
  for (const auto& entry : table) {
    auto target = targets.target_at(entry.mounted_on);
    if (target.empty()) target = entry.mounted_on;
    if (is_kubelets(target)) continue;
    own_mount mount{{entry.id, 0, entry.dev_major, entry.dev_minor}, {}, {}};
    if (entry.type == "overlay" && entry.root == "/" && entry.source.starts_with(overlays))
      mount.key = entry.source.substr(overlays.size());
    else if (auto key = name_in(scratch, entry, "upper"); !key.empty())
      mount.key = std::move(key);
    else
      mount.manifest = name_in(store, entry, "content");
    if (!mount.key.empty() || !mount.manifest.empty()) found[target].push_back(std::move(mount));
  }
  return found;
}

std::optional<shown_view> view_at(const std::vector<mount_entry>& table, const std::string& path) {
  auto top = std::find_if(table.rbegin(), table.rend(),
                          [&](const mount_entry& e) { return e.mounted_on == path; });
  if (top == table.rend()) return std::nullopt;
  constexpr std::string_view prefix = "gkm:";
  if (top->type == "overlay" && top->root == "/" && top->source.starts_with(prefix)) {
    auto rest = top->source.substr(prefix.size());
    auto colon = rest.find(':');
    if (colon == rest.npos) return std::nullopt;
    return shown_view{rest.substr(0, colon), rest.substr(colon + 1)};
  }
  // A directory of a state directory, bound: <root>/scratch/<key>/upper or
  // <root>/store/sha256/<hex>/content.
  std::filesystem::path root = top->root;
  if (top->root.ends_with("//deleted")) return std::nullopt;
  auto name = root.parent_path().filename().string();
  if (!digest::parse("sha256:" + name)) return std::nullopt;
  auto home = root.parent_path().parent_path().filename();
  if (root.filename() == "upper" && home == "scratch") return shown_view{{}, std::move(name)};
  if (root.filename() == "content" && home == "sha256") return shown_view{};
  return std::nullopt;
}

std::string seen_at(const std::vector<mount_entry>& table,
                    const std::vector<mount_identity>& mounts) {
  for (const auto& entry : table)
    for (const auto& mount : mounts)
      if (entry.id == mount.id && entry.dev_major == mount.dev_major &&
          entry.dev_minor == mount.dev_minor)
        return entry.mounted_on;
  return {};
}

}  // namespace gkm::csi
