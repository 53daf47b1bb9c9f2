#include "cli/machine/machine.hpp"

#include "actors/csi/mounts/own_mounts.hpp"
#include "actors/node/disk/list_caches.hpp"
#include "base/directory_watch.hpp"
#include "base/files.hpp"
#include "cli/machine/host_mounts.hpp"
#include "cli/problems.hpp"
#include "messages/record.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

namespace gkm::cli {
namespace fs = std::filesystem;
namespace {

std::vector<cache_status> read_statuses(const paths& where, const machine_selection& what,
                                        std::vector<std::string>& notes) {
  std::vector<cache_status> all;
  for (const auto& ref : node::list_caches(where)) {
    if (!what.has(ref)) continue;
    auto text = base::read_file(where.status(ref), max_record_bytes);
    if (!text) continue;
    auto status = parse_cache_status(*text);
    if (status)
      all.push_back(std::move(*status));
    else
      notes.push_back("'" + where.status(ref).string() +
                      "' cannot be read: " + status.error().message);
  }
  return all;
}

bool is_host_mount(const std::string& volume_id) { return volume_id.starts_with("gkm-"); }

std::vector<machine_mount> read_mounts(const paths& where, const machine_selection& what) {
  std::vector<machine_mount> all;
  auto table = csi::read_mount_table();
  auto boot = base::boot_id();
  std::error_code failed;
  for (fs::directory_iterator it(where.volumes(), failed), end; !failed && it != end;
       it.increment(failed)) {
    if (it->path().extension() != ".json") continue;
    auto text = base::read_file(it->path(), max_record_bytes);
    auto record = text ? parse_volume_record(*text) : fail(text.error());
    if (!record || record->volume_id != volume_id_of(record->target)) continue;
    bool there = boot && record->boot == *boot && record->phase == volume_phase::mounted && table &&
                 csi::view_at(*table, record->target);
    if (there && what.has(record->ref))
      all.push_back(
          {record->target, record->ref, record->manifest, record->view, record->created_unix_s});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return all;
}

/// What nobody keeps up to date any more: a mount that went since then is no use.
void drop_gone_mounts(machine_state& m) {
  for (auto& s : m.caches) {
    std::erase_if(s.volumes, [&](const mounted_volume& v) {
      return is_host_mount(v.volume_id) &&
             std::none_of(m.mounts.begin(), m.mounts.end(), [&](const machine_mount& mount) {
               return volume_id_of(mount.path) == v.volume_id;
             });
    });
    bool used = std::any_of(s.volumes.begin(), s.volumes.end(), [&](const mounted_volume& v) {
      return v.manifest == s.stored.manifest;
    });
    if (s.state == cache_state::running && !used) s.state = cache_state::extracted;
  }
}

}  // namespace

bool machine_selection::has(const cache_ref& ref) const {
  if (!ns.empty() && ref.ns != ns) return false;
  return name.empty() || ref.name == name || ref.ns + "/" + ref.name == name;
}

std::vector<machine_mount> machine_state::mounts_of(const cache_ref& ref) const {
  std::vector<machine_mount> some;
  std::copy_if(mounts.begin(), mounts.end(), std::back_inserter(some),
               [&](const machine_mount& m) { return m.ref == ref; });
  return some;
}

machine_state read_machine(const paths& where, const machine_selection& what) {
  machine_state m;
  m.running = base::file_lock::holder(where.lock()).has_value();
  m.caches = read_statuses(where, what, m.notes);
  m.mounts = read_mounts(where, what);
  if (what.name.empty()) m.problems = read_problems(where);
  drop_gone_mounts(m);
  return m;
}

// -- watching -------------------------------------------------------------------------------------

struct machine_watch::impl {
  paths where;
  std::mutex mutex;
  std::condition_variable wakes;
  bool changed = false;
  std::map<fs::path, std::unique_ptr<base::directory_watch>> watches;

  void tell() {
    std::lock_guard lock(mutex);
    changed = true;
    wakes.notify_all();
  }
};

machine_watch::machine_watch(paths where) : impl_(std::make_unique<impl>()) {
  impl_->where = std::move(where);
  follow();
}

machine_watch::~machine_watch() { impl_->watches.clear(); }

/// Watches are not recursive: one for each directory there is, new ones as they come.
void machine_watch::follow() {
  const auto& where = impl_->where;
  std::vector<fs::path> dirs{where.root, where.caches(), where.caches() / "cluster",
                             where.caches() / "ns", where.volumes()};
  for (const auto& ref : node::list_caches(where)) {
    dirs.push_back(where.cache(ref).parent_path());
    dirs.push_back(where.cache(ref));
  }
  std::sort(dirs.begin(), dirs.end());
  std::erase_if(impl_->watches, [&](const auto& entry) {
    return !std::binary_search(dirs.begin(), dirs.end(), entry.first);
  });
  for (const auto& dir : dirs) {
    if (impl_->watches.contains(dir)) continue;
    auto watch = base::directory_watch::start_named(
        dir, [p = impl_.get()](const base::directory_changes&) { p->tell(); });
    if (watch) impl_->watches.emplace(dir, std::move(*watch));
  }
}

bool machine_watch::wait(std::chrono::milliseconds at_most) {
  {
    std::unique_lock lock(impl_->mutex);
    if (!impl_->wakes.wait_for(lock, at_most, [&] { return impl_->changed; })) return false;
    impl_->changed = false;
  }
  follow();
  return true;
}

}  // namespace gkm::cli
