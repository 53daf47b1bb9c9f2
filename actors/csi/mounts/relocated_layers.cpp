#include "actors/csi/mounts/relocated_layers.hpp"

#include "actors/csi/files/beneath.hpp"
#include "actors/csi/files/layer_writer.hpp"
#include "actors/csi/scratch/scratch_space.hpp"
#include "base/program/log.hpp"
#include "base/sha256.hpp"
#include "messages/paths.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace gkm::csi {
namespace {

constexpr unsigned private_mode = 0700;
/// Seen through overlays, by any user of a pod.
constexpr unsigned empty_mode = 0777;
/// No digest, so no layer lies there.
constexpr const char* empty_name = "empty";

/// With the path that `paths` has for the store, as the kernel is to look for it.
std::string stored_name(const digest& manifest) { return "store/sha256/" + manifest.hex; }

}  // namespace

layer_key layer_key::of(const digest& manifest, const std::string& mount_path) {
  return {manifest, base::sha256::of(mount_path).hex};
}

result<std::unique_ptr<relocated_layers>> relocated_layers::open(const std::filesystem::path& dir,
                                                                 int root) {
  auto opened = open_own_directory(dir, private_mode);
  if (!opened) return fail(opened.error());
  auto empty = make_directory(opened->get(), empty_name, empty_mode);
  if (!empty) return fail(base::errno_error(errno, "make an empty directory in", dir));
  return std::unique_ptr<relocated_layers>(
      new relocated_layers(std::move(*opened), std::move(empty), root));
}

result<layer> relocated_layers::acquire(const layer_key& key, const std::string& mount_path,
                                        int stored, const long_work& work) {
  std::unique_lock lock(mutex_);
  auto& e = entries_[key];
  ++e.users;
  made_.wait(lock, work.stop, [&] { return !e.being_made; });
  if (e.being_made) {
    --e.users;
    return fail(work.may_write(0).error());
  }
  if (!e.present) {
    e.being_made = true;
    lock.unlock();
    auto made = make(key, mount_path, stored, work);
    lock.lock();
    e.being_made = false;
    e.present = made.has_value();
    e.left_out = made.value_or(0);
    made_.notify_all();
    if (!made) {
      if (--e.users == 0) entries_.erase(key);
      return fail(made.error());
    }
  }
  auto dir = open_beneath(dir_.get(), key.name(), O_PATH | O_DIRECTORY);
  if (dir) return layer{std::move(dir), e.left_out};
  auto why = base::errno_error(errno, "open the relocated files", key.name());
  // Whatever else fails here, others may have it mounted.
  if (why.code == errc::not_found) e.present = false;
  if (--e.users == 0 && !e.present) entries_.erase(key);
  return fail(why);
}

result<uint64_t> relocated_layers::make(const layer_key& key, const std::string& mount_path,
                                        int stored, const long_work& work) {
  auto name = '.' + base::random_name();
  auto left_out = write_layer(stored, mount_path, dir_.get(), name, layer_bytes_max, work);
  bool moved = false;
  if (left_out) {
    std::lock_guard lock(mutex_);
    moved =
        (::mkdirat(dir_.get(), key.manifest.hex.c_str(), private_mode) == 0 || errno == EEXIST) &&
        trash_.discard(key.name()) &&
        ::renameat(dir_.get(), name.c_str(), dir_.get(), key.name().c_str()) == 0;
  }
  if (moved) return left_out;
  auto why = left_out ? base::errno_error(errno, "keep the relocated files", key.name())
                      : left_out.error();
  trash_.resume(name);
  return fail(why);
}

void relocated_layers::release(const layer_key& key) {
  std::lock_guard lock(mutex_);
  auto it = entries_.find(key);
  if (it == entries_.end() || it->second.users == 0) return;
  it->second.released = ++releases_;
  if (--it->second.users == 0) background_.post([this] { collect(); });
}

result<void> relocated_layers::follow(const std::filesystem::path& store) {
  auto watch = base::directory_watch::start_named(
      store, [this](const base::directory_changes&) { background_.post([this] { collect(); }); });
  if (!watch) return fail(watch.error());
  store_watch_ = std::move(*watch);
  return {};
}

bool relocated_layers::has(const layer_key& key) {
  std::lock_guard lock(mutex_);
  auto it = entries_.find(key);
  return it != entries_.end() && it->second.present;
}

bool relocated_layers::is_stored(const digest& manifest) const {
  auto stored = open_beneath(root_, stored_name(manifest), O_PATH | O_DIRECTORY);
  return stored || errno != ENOENT;
}

void relocated_layers::collect() {
  std::lock_guard lock(mutex_);
  std::map<digest, std::vector<entries::iterator>> unused;
  for (auto it = entries_.begin(); it != entries_.end(); ++it)
    if (it->second.users == 0) unused[it->first.manifest].push_back(it);
  for (auto& [manifest, layers] : unused) {
    std::sort(layers.begin(), layers.end(),
              [](auto a, auto b) { return a->second.released > b->second.released; });
    auto kept = is_stored(manifest) ? std::min(unused_layers_max, layers.size()) : 0;
    for (auto which : std::span(layers).subspan(kept)) drop(which);
  }
}

/// What cannot be renamed is still there, and known: the next collection tries again.
bool relocated_layers::drop(entries::iterator which) {
  if (auto discarded = trash_.discard(which->first.name()); !discarded) {
    base::log::warn("Cannot discard relocated files", {{"error", discarded.error().message}});
    return false;
  }
  ::unlinkat(dir_.get(), which->first.manifest.hex.c_str(), AT_REMOVEDIR);
  entries_.erase(which);
  return true;
}

result<void> relocated_layers::recover(const std::multiset<layer_key>& used, bool keep_all) {
  auto digests = entries_of(dir_.get());
  if (!digests) return fail(digests.error());
  std::lock_guard lock(mutex_);
  for (const auto& hex : *digests) {
    if (hex == empty_name) continue;
    if (hex.starts_with('.')) {
      trash_.resume(hex);
      continue;
    }
    auto dir = open_beneath(dir_.get(), hex, O_RDONLY | O_DIRECTORY);
    auto layers = dir ? entries_of(dir.get()).value_or(std::vector<std::string>{})
                      : std::vector<std::string>{};
    for (const auto& path_key : layers) {
      auto it = entries_.try_emplace(layer_key{digest{hex}, path_key}).first;
      it->second.users = used.count(it->first) + (keep_all ? 1 : 0);
      it->second.present = true;
      // Unused ones may be from before a crash of the machine, and incomplete.
      if (it->second.users == 0 && !drop(it)) it->second.present = false;
    }
    ::unlinkat(dir_.get(), hex.c_str(), AT_REMOVEDIR);
  }
  return {};
}

}  // namespace gkm::csi
