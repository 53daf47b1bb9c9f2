#include "actors/node/disk/state_dir.hpp"

#include "actors/node/disk/occupied.hpp"
#include "actors/node/disk/recovery.hpp"
#include "actors/node/disk/removal.hpp"
#include "actors/node/disk/stored_seal.hpp"
#include "base/program/log.hpp"
#include "messages/printable.hpp"
#include "messages/record.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace gkm::node {
namespace fs = std::filesystem;
namespace log = base::log;
namespace {

constexpr unsigned open_mode = 0755;
constexpr unsigned private_mode = 0700;
constexpr unsigned content_mode = 0777;

result<done> ok(result<void> outcome) {
  return outcome.map([] { return done{}; });
}

/// With exactly this mode, whatever the umask says.
result<void> make_directory(const fs::path& dir, unsigned mode) {
  if (auto made = base::make_directories(dir, mode); !made) return made;
  if (::chmod(dir.c_str(), mode) != 0)
    return fail(base::errno_error(errno, "set the mode of", dir));
  return {};
}

result<std::string> new_staging(const paths& p) {
  auto dir = p.staging() / base::random_name();
  if (auto made = make_directory(dir, private_mode); !made) return fail(made.error());
  if (auto made = make_directory(dir / paths::content, content_mode); !made)
    return fail(made.error());
  return dir.string();
}

result<void> commit_as(const paths& p, const fs::path& staging, const stored_cache& facts,
                       const room& occupied, const std::string& boot) {
  // Writing the facts would make the directory, were it gone: a cache without content.
  std::error_code failed;
  if (!fs::is_directory(staging / paths::content, failed))
    return fail(errc::io, "Cannot commit '" + staging.string() + "': it holds no content");
  if (auto w = base::write_file_atomically(staging / paths::meta, print_stored_cache(facts)); !w)
    return w;
  if (auto w = write_occupied(staging, occupied); !w) return w;
  if (auto w = base::write_file_atomically(staging / paths::unsynced, boot); !w) return w;
  auto home = p.stored(facts.manifest);
  if (::rename(staging.c_str(), home.c_str()) == 0) return {};
  auto why = base::errno_error(errno, "commit", home);
  auto there = base::read_file(home / paths::meta, max_record_bytes);
  if (!there || parse_stored_cache(*there) || !may_be_facts_of_later_version(*there))
    return fail(why);
  // What a later version stored under this digest makes way; pods that have it mounted keep its
  // files.
  auto other = damaged_name(p, facts.manifest.hex);
  if (::rename(home.c_str(), other.c_str()) != 0 || ::rename(staging.c_str(), home.c_str()) != 0)
    return fail(base::errno_error(errno, "commit", home));
  return {};
}

result<void> sync_stored(const fs::path& stored) {
  base::fd dir(::open(stored.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!dir && errno == ENOENT) return {};
  if (!dir) return fail(base::errno_error(errno, "open", stored));
  if (::syncfs(dir.get()) != 0) return fail(base::errno_error(errno, "sync", stored));
  if (::unlinkat(dir.get(), paths::unsynced, 0) != 0 && errno != ENOENT)
    return fail(base::errno_error(errno, "mark as synced", stored));
  ::fsync(dir.get());
  return {};
}

/// What the link leads to was wanted until now: the order in which digests go is that of this time.
void touch_former(const paths& p, const fs::path& link) {
  std::error_code failed;
  auto former = fs::read_symlink(link, failed).parent_path();
  if (!failed && former.parent_path() == fs::absolute(p.store()))
    ::utimensat(AT_FDCWD, (former / paths::meta).c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

/// The new content first, then the record that names it, so that the path never lags behind.
result<std::string> write_catalog(const paths& p, const catalog_record& r) {
  auto link = p.exposed(r.ref);
  bool usable = r.state == cache_state::extracted;
  if (auto made = base::make_directories(p.cache(r.ref), open_mode); !made)
    return fail(made.error());
  touch_former(p, link);
  if (usable) {
    auto content = fs::absolute(p.stored(r.manifest) / paths::content);
    if (auto linked = base::replace_symlink(link, content); !linked) return fail(linked.error());
  } else if (::unlink(link.c_str()) != 0 && errno != ENOENT) {
    return fail(base::errno_error(errno, "remove", link));
  }
  auto written = base::write_file_atomically(p.record(r.ref), print_catalog_record(r));
  if (!written) return fail(written.error());
  return usable ? link.string() : std::string();
}

/// Directories that became empty go; those that did not stay.
void prune(const paths& p, const cache_ref& ref) {
  ::rmdir(p.cache(ref).c_str());
  if (!ref.is_cluster()) ::rmdir(p.cache(ref).parent_path().c_str());
}

/// A tree of a later version is left alone: what it holds would be taken for rubbish.
result<void> check_layout(const paths& p) {
  constexpr size_t max_bytes = 64;
  auto text = base::read_file(p.layout(), max_bytes);
  if (!text && text.error().code == errc::not_found)
    return base::write_file_atomically(p.layout(), std::to_string(paths::layout_version) + "\n");
  if (!text) return fail(text.error());
  int found = 0;
  auto end = std::from_chars(text->data(), text->data() + text->size(), found);
  if (end.ec == std::errc{} && found >= 1 && found <= paths::layout_version) return {};
  return fail(errc::refused, "Cannot use the state directory '" + p.root.string() + "': '" +
                                 p.layout().string() + "' names the layout '" +
                                 printable(*text, max_bytes) +
                                 "', which this version of GKM does not know; run the version that "
                                 "wrote it, or name another directory");
}

}  // namespace

result<std::unique_ptr<state_dir>> state_dir::open(paths where, const disk_shares& shares) {
  for (const auto& dir : {where.root, where.caches()})
    if (auto made = base::make_directories(dir, open_mode); !made) return fail(made.error());
  auto lock = base::file_lock::take(where.lock());
  if (!lock) return wrap(lock.error(), "Cannot use the state directory");
  for (const auto& dir : {where.store().parent_path(), where.store(), where.staging()})
    if (auto made = make_directory(dir, private_mode); !made) return fail(made.error());
  if (auto known = check_layout(where); !known) return fail(known.error());
  auto boot = base::boot_id();
  if (!boot) return fail(boot.error());
  std::unique_ptr<state_dir> opened(
      new state_dir(std::move(where), std::move(*lock), *boot, shares));
  if (auto applied = opened->apply_limits(); !applied) return fail(applied.error());
  return opened;
}

state_dir::state_dir(paths where, base::file_lock lock, std::string boot, const disk_shares& shares)
    : paths_(std::move(where)), lock_(std::move(lock)), boot_(std::move(boot)), shares_(shares) {}

/// The file system may have grown since it was looked at last.
result<void> state_dir::apply_limits() {
  auto disk = measure_disk(paths_.staging());
  if (!disk) return fail(disk.error());
  auto named = [&](const char* flag, const char* key, const share& part) {
    return (shares_.by_flag ? flag + (" " + part.str()) : key + (": " + part.str()));
  };
  disk_limits limits{part_of(shares_.store, disk->whole),
                     part_of(shares_.tenant, disk->whole),
                     part_of(shares_.reserve, disk->whole),
                     named("--store-size", disk_shares::store_key, shares_.store),
                     named("--store-namespace-size", disk_shares::tenant_key, shares_.tenant),
                     named("--store-reserve", disk_shares::reserve_key, shares_.reserve)};
  if (disk->whole.inodes == room::unlimited().inodes) limits.reserve.inodes = 0;
  ledger_->with([&](disk_budget& b) { b.limit(limits); });
  return {};
}

void state_dir::set_shares(const disk_shares& shares) {
  ordered_.post([=, this] {
    shares_ = shares;
    if (auto applied = apply_limits(); !applied)
      log::warn("Cannot tell how large the disk is", {{"error", applied.error().message}});
  });
}

result<std::string> state_dir::make_staging(uint64_t needed_bytes) {
  if (auto applied = apply_limits(); !applied) return fail(applied.error());
  auto said = expected_room(needed_bytes);
  auto [limits, coming] =
      ledger_->with([](disk_budget& b) { return std::pair(b.limits(), b.still_to_come()); });
  if (auto r = check_reserve(paths_.staging(), limits, said + coming); !r) return fail(r.error());
  auto dir = new_staging(paths_);
  if (!dir) return dir;
  auto counted = ledger_->with([&](disk_budget& b) { return b.stage(*dir, said); });
  if (counted) return dir;
  discard(*dir, [](const result<done>&) {});
  return fail(counted.error());
}

result<void> state_dir::commit_staged(const std::string& staging, const stored_cache& facts) {
  auto occupied = ledger_->with([&](disk_budget& b) { return b.written(staging); });
  occupied = larger(occupied, {facts.bytes, facts.files});
  if (auto done = commit_as(paths_, staging, facts, occupied, boot_); !done) return done;
  ledger_->with([&](disk_budget& b) {
    b.discard(staging);
    b.put(facts.manifest, occupied);
  });
  return {};
}

state_dir::~state_dir() {
  scrub_stop_.request_stop();
  ordered_.finish();
}

void state_dir::recover(answer<recovered> reply) {
  ordered_.post([=, this] {
    auto found = recover_state(paths_, boot_);
    for (const auto& facts : found ? found->stored : std::vector<stored_cache>()) {
      auto occupied = read_occupied(paths_.stored(facts.manifest));
      ledger_->with([&](disk_budget& b) { b.put(facts.manifest, occupied); });
    }
    reply(std::move(found));
  });
}

void state_dir::stage(uint64_t needed_bytes, answer<std::string> reply) {
  ordered_.post([=, this] { reply(make_staging(needed_bytes)); });
}

void state_dir::commit(const std::string& staging, const stored_cache& facts, answer<done> reply) {
  ordered_.post([=, this] { reply(ok(commit_staged(staging, facts))); });
}

void state_dir::sync(const digest& manifest, answer<done> reply) {
  slow_.post([=, this] { reply(ok(sync_stored(paths_.stored(manifest)))); });
}

void state_dir::discard(const std::string& staging, answer<done> reply) {
  slow_.post([=, this] {
    auto removed = base::remove_tree(staging);
    // What could not be removed still takes its room.
    if (removed) ledger_->with([&](disk_budget& b) { b.discard(staging); });
    reply(ok(std::move(removed)));
  });
}

void state_dir::remove(const digest& manifest, answer<done> reply) {
  ordered_.post([=, this] {
    auto taken = take_out_unused(paths_, manifest, boot_);
    if (!taken) return reply(fail(taken.error()));
    // It is gone from the store now, whatever becomes of the rest.
    discard(taken->string(), [=, this, trash = *taken](const result<done>& swept) {
      if (swept) ledger_->with([&](disk_budget& b) { b.drop(manifest); });
      if (!swept)
        log::warn("Cannot remove all of what was dropped; the next start will",
                  {{"dir", trash.string()}, {"error", swept.error().message}});
      reply(done{});
    });
  });
}

void state_dir::check(const digest& manifest, check_depth depth, answer<done> reply) {
  auto stored = paths_.stored(manifest);
  if (depth == check_depth::names) return looks_.post([=] { reply(ok(check_names(stored))); });
  scrubs_.post([=, this] {
    reply(ok(check_every_byte(stored, {scrub_bytes_per_s_, scrub_stop_.get_token()})));
  });
}

void state_dir::set_aside(const digest& manifest, answer<done> reply) {
  ordered_.post([=, this] {
    auto home = paths_.stored(manifest);
    auto aside = damaged_name(paths_, manifest.hex);
    if (::rename(home.c_str(), aside.c_str()) != 0 && errno != ENOENT)
      return reply(fail(base::errno_error(errno, "set aside", home)));
    ledger_->with([&](disk_budget& b) { b.drop(manifest); });
    if (!is_damaged_in_use(paths_, aside, boot_)) discard(aside.string(), [](const auto&) {});
    reply(done{});
  });
}

void state_dir::write_record(const catalog_record& record, answer<std::string> reply) {
  ordered_.post([=, this] { reply(write_catalog(paths_, record)); });
}

void state_dir::forget(const cache_ref& ref, answer<done> reply) {
  ordered_.post([=, this] {
    touch_former(paths_, paths_.exposed(ref));
    auto removed = base::remove_tree(paths_.cache(ref));
    prune(paths_, ref);
    reply(ok(removed));
  });
}

void state_dir::write(const cache_status& status, answer<done> reply) {
  ordered_.post([=, this] {
    reply(ok(base::write_file_atomically(paths_.status(status.ref), print_cache_status(status))));
  });
}

void state_dir::erase(const cache_ref& ref, answer<done> reply) {
  ordered_.post([=, this] {
    auto file = paths_.status(ref);
    bool gone = ::unlink(file.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR;
    auto failed = base::errno_error(errno, "remove", file);
    prune(paths_, ref);
    reply(gone ? result<done>(done{}) : fail(failed));
  });
}

}  // namespace gkm::node
