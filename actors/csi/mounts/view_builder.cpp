#include "actors/csi/mounts/view_builder.hpp"

#include "actors/csi/files/beneath.hpp"
#include "actors/csi/files/copy_tree.hpp"
#include "base/sha256.hpp"
#include "base/tree_seal.hpp"
#include "messages/paths.hpp"
#include "messages/printable.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <limits>

namespace gkm::csi {
namespace {

constexpr size_t instance_chars = 8;
constexpr size_t source_key_chars = 16;
/// Upper bounds of a copy or layer that counts as small: bytes of the cache, bytes of the mount
/// path.
constexpr uint64_t small_cache_bytes = 32 << 20;
constexpr size_t small_path_bytes = 256;

void add_note(volume_record& record, std::string reason, std::string message) {
  if (record.notes.size() < max_volume_notes)
    record.notes.push_back({std::move(reason), std::move(message)});
}

tl::unexpected<error> not_mounted(const mount_failure& why, const std::string& target) {
  auto e = base::errno_error(why.code, "mount the cache on", target);
  // The kernel's "no such file" is about a layer, and no reason to look for the cache again.
  if (e.code == errc::not_found) e.code = errc::io;
  if (!why.detail.empty()) e.message += " (" + why.detail + ")";
  return fail(std::move(e));
}

tl::unexpected<error> not_stored(const digest& manifest, std::string_view why) {
  return fail(errc::not_found,
              "Cannot use the cache '" + manifest.str() + "': " + std::string(why));
}

tl::unexpected<error> not_trusted(const digest& manifest, std::string_view what) {
  return fail(errc::malformed, "Cannot trust the cache '" + manifest.str() + "': its " +
                                   std::string(what) +
                                   " is a link or no directory; remove the cache from this node, "
                                   "so that it is fetched again");
}

std::string stored_name(const digest& manifest) { return "store/sha256/" + manifest.hex; }

/// A cache that was written before the machine went down may be incomplete; the agent fetches it
/// again.
bool is_from_before_a_crash(const base::fd& stored, const std::string& boot) {
  auto mark = open_beneath(stored.get(), paths::unsynced, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!mark && errno == ENOENT) return false;
  if (!mark) return true;
  auto text = base::read_open_file(mark, paths::unsynced, 64);
  return !text || *text != boot;
}

std::string because(const mount_failure& why) {
  auto text = std::error_code(why.code, std::generic_category()).message();
  return why.detail.empty() ? text : text + ", " + why.detail;
}

}  // namespace

std::string instance_of(const std::string& real_root) {
  return base::sha256::of(real_root).hex.substr(0, instance_chars);
}

std::string view_source(const std::string& instance, const std::string& key) {
  return "gkm:" + instance + ':' + key.substr(0, source_key_chars);
}

view_builder::work view_builder::work_of(const volume_record& record) const {
  if (record.view == view_kind::empty) return work::none;
  bool is_small =
      record.cache_bytes <= small_cache_bytes && record.mount_path.size() <= small_path_bytes;
  auto some = is_small ? work::small : work::large;
  if (record.view == view_kind::copy || overlays_fail_) return some;
  if (record.mount_path.empty() || d_.layers.has(layer_key::of(record.manifest, record.mount_path)))
    return work::none;
  auto list = stored_name(record.manifest) + '/' + paths::relocations;
  return open_beneath(d_.root, list, O_PATH) || errno != ENOENT ? some : work::none;
}

result<std::optional<layer_key>> view_builder::build(volume_record& record, const std::string& key,
                                                     const target_tree::prepared& at,
                                                     const long_work& limits) {
  if (record.view == view_kind::readonly) {
    d_.budget.adopt(key, record);
  } else {
    auto granted = d_.budget.admit(key, record);
    if (!granted) return fail(granted.error());
    record.scratch_bytes = *granted;
  }
  if (record.view == view_kind::empty) {
    if (auto made = empty(record, key, at); !made) return fail(made.error());
    return std::optional<layer_key>();
  }
  auto from = open_source(record, limits);
  if (!from) return fail(from.error());
  auto made = mount_on(record, key, *from, at, limits);
  // A copy has no more need of the layer that it was made from.
  if (from->key && (!made || record.view == view_kind::copy)) {
    d_.layers.release(*from->key);
    from->key.reset();
  }
  if (!made) return fail(made.error());
  return std::move(from->key);
}

result<view_builder::source> view_builder::open_source(volume_record& record,
                                                       const long_work& limits) {
  if (record.manifest.empty()) return fail(errc::internal, "Cannot mount a cache without a digest");
  auto stored = open_beneath(d_.root, stored_name(record.manifest), O_RDONLY | O_DIRECTORY);
  if (!stored && errno == ENOENT) return not_stored(record.manifest, "it is not in the store");
  if (!stored && is_out_of_place(errno)) return not_trusted(record.manifest, "place in the store");
  if (!stored) return fail(base::errno_error(errno, "open in the store", record.manifest.hex));
  if (is_from_before_a_crash(stored, d_.boot))
    return not_stored(record.manifest, "it may be incomplete since the machine went down");
  source from;
  from.content = open_beneath(stored.get(), paths::content, O_PATH | O_DIRECTORY);
  if (!from.content && is_out_of_place(errno)) return not_trusted(record.manifest, "content");
  if (!from.content) return not_stored(record.manifest, "it has no content");
  if (auto whole = check_whole(stored, record.manifest); !whole) return fail(whole.error());
  if (auto relocated = relocate_source(record, stored, from, limits); !relocated)
    return fail(relocated.error());
  return from;
}

/// As far as names and sizes tell; what has no seal, or one of a later version, is not judged.
result<void> view_builder::check_whole(const base::fd& stored, const digest& manifest) {
  constexpr size_t max_bytes = 4'096;
  auto damaged = [&](const std::string& why) {
    return fail(errc::corrupt, "What is stored of the cache '" + manifest.str() +
                                   "' is damaged and is pulled again: " + why);
  };
  constexpr int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
  if (auto mark = open_beneath(stored.get(), paths::damaged, flags)) {
    auto text = base::read_open_file(mark, paths::damaged, max_bytes);
    return damaged(text ? printable(*text) : "a check found it out");
  }
  struct stat about {};
  if (::fstat(stored.get(), &about) != 0)
    return fail(base::errno_error(errno, "examine in the store", manifest.hex));
  if (looked_at_.has(manifest.hex, about.st_ino)) return {};
  auto file = open_beneath(stored.get(), paths::seal, flags);
  if (!file) return {};
  auto text = base::read_open_file(file, paths::seal, max_bytes);
  auto was = text ? base::parse_tree_seal(*text) : fail(text.error());
  if (!was) return {};
  auto is = base::seal_names(stored.get(), paths::content, paths::relocations);
  if (!is) return damaged(is.error().message);
  auto what = base::difference(*was, *is);
  if (!what.empty()) return damaged(what);
  looked_at_.put(manifest.hex, about.st_ino);
  return {};
}

bool view_builder::recent_looks::has(const std::string& hex, uint64_t inode) {
  std::lock_guard lock(mutex_);
  auto it = looks_.find(hex);
  return it != looks_.end() && it->second.inode == inode &&
         std::chrono::steady_clock::now() - it->second.at < look_lasts;
}

void view_builder::recent_looks::put(const std::string& hex, uint64_t inode) {
  std::lock_guard lock(mutex_);
  if (looks_.size() >= looks_max) looks_.clear();
  looks_[hex] = {inode, std::chrono::steady_clock::now()};
}

result<void> view_builder::relocate_source(volume_record& record, const base::fd& stored,
                                           source& from, const long_work& limits) {
  if (record.mount_path.empty()) return {};
  auto list = open_beneath(stored.get(), paths::relocations, O_PATH);
  if (!list && errno == ENOENT) return {};
  auto key = layer_key::of(record.manifest, record.mount_path);
  auto relocated = d_.layers.acquire(key, record.mount_path, stored.get(), limits);
  if (!relocated) return wrap(relocated.error(), "Cannot rewrite the paths in the cache");
  if (relocated->left_out > 0)
    add_note(record, "PathsNotRewritten",
             std::to_string(relocated->left_out) +
                 " files of the cache hold paths that could not be rewritten");
  from.key = std::move(key);
  from.relocated = std::move(*relocated);
  return {};
}

result<void> view_builder::mount_on(volume_record& record, const std::string& key,
                                    const source& from, const target_tree::prepared& at,
                                    const long_work& limits) {
  switch (record.view) {
    case view_kind::overlay:
      return overlay(record, key, from, at, limits);
    case view_kind::readonly:
      return read_only(record, key, from, at, limits);
    case view_kind::copy:
      return copy(record, key, from, at, limits);
    case view_kind::empty:
      return empty(record, key, at);
  }
  return fail(errc::internal, "Cannot mount a view of an unknown kind");
}

result<void> view_builder::overlay(volume_record& record, const std::string& key,
                                   const source& from, const target_tree::prepared& at,
                                   const long_work& limits) {
  auto room = d_.scratch.make(key, record.scratch_bytes);
  if (!room) return fail(room.error());
  overlay_layers layers{{}, room->upper.get(), room->work.get()};
  if (from.key) layers.lowers.push_back(from.relocated.dir.get());
  layers.lowers.push_back(from.content.get());
  auto made = d_.mounts.overlay(layers, view_source(d_.instance, key), at.dir.get());
  if (made) return {};
  if (!made.error().is_impossible_here()) return not_mounted(made.error(), record.target);
  overlays_fail_ = true;
  record.view = view_kind::copy;
  auto copied = copy(record, key, from, at, limits);
  if (copied)
    add_note(record, "CopiedCache",
             "the cache was copied, for an overlay is impossible here: " + because(made.error()));
  return copied;
}

result<void> view_builder::read_only(volume_record& record, const std::string& key,
                                     const source& from, const target_tree::prepared& at,
                                     const long_work& limits) {
  // An overlay where nothing lies over the cache, too: locks on the files of a bind are the
  // store's, and so every pod's.
  overlay_layers layers{{}, -1, -1};
  // The uppermost layer decides who may enter: an empty one of the owner's.
  scratch_dirs room;
  if (d_.scratch.owner()) {
    auto made = d_.scratch.make(key, 0);
    if (!made) return fail(made.error());
    room = std::move(*made);
    layers.lowers.push_back(room.upper.get());
  }
  if (from.key)
    layers.lowers.push_back(from.relocated.dir.get());
  else if (layers.lowers.empty())
    layers.lowers.push_back(d_.layers.empty());
  layers.lowers.push_back(from.content.get());
  auto made = d_.mounts.overlay(layers, view_source(d_.instance, key), at.dir.get());
  if (made) return {};
  if (!made.error().is_impossible_here()) return not_mounted(made.error(), record.target);
  overlays_fail_ = true;
  if (!from.key && !d_.scratch.owner()) {
    auto bound = d_.mounts.bind(from.content.get(), true, at.where, at.dir.get());
    return bound ? result<void>() : not_mounted(bound.error(), record.target);
  }
  auto copied = copy(record, key, from, at, limits);
  if (copied)
    add_note(record, "CopiedCache",
             "the cache was copied, for an overlay is impossible here: " + because(made.error()));
  return copied;
}

result<void> view_builder::copy(volume_record& record, const std::string& key, const source& from,
                                const target_tree::prepared& at, const long_work& limits) {
  auto room = d_.scratch.make(key, record.scratch_bytes);
  if (!room) return fail(room.error());
  auto budget = record.scratch_bytes ? record.scratch_bytes : std::numeric_limits<uint64_t>::max();
  auto copied = copy_tree(from.content.get(), room->upper.get(), budget, limits);
  if (copied && from.key)
    copied = copy_tree(from.relocated.dir.get(), room->upper.get(), budget, limits);
  if (!copied) return copied;
  bool locked = record.view == view_kind::readonly;
  auto made = d_.mounts.bind(room->upper.get(), locked, at.where, at.dir.get());
  return made ? result<void>() : not_mounted(made.error(), record.target);
}

result<void> view_builder::empty(const volume_record& record, const std::string& key,
                                 const target_tree::prepared& at) {
  auto room = d_.scratch.make(key, record.scratch_bytes);
  if (!room) return fail(room.error());
  auto made = d_.mounts.bind(room->upper.get(), false, at.where, at.dir.get());
  return made ? result<void>() : not_mounted(made.error(), record.target);
}

}  // namespace gkm::csi
