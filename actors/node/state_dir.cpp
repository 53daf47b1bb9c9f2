#include "actors/node/state_dir.hpp"

#include "actors/node/recovery.hpp"
#include "actors/node/removal.hpp"
#include "base/log.hpp"
#include "messages/printable.hpp"
#include "messages/record.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
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

result<std::string> make_staging(const paths& p, uint64_t needed_bytes) {
  struct statvfs disk {};
  if (::statvfs(p.staging().c_str(), &disk) != 0)
    return fail(base::errno_error(errno, "measure", p.staging()));
  auto free_bytes = uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free_bytes < disk_reserve_bytes || free_bytes - disk_reserve_bytes < needed_bytes) {
    auto mb = [](uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; };
    return fail(errc::no_space, "Not enough space in '" + p.root.string() +
                                    "': the cache needs about " + mb(needed_bytes) + " and " +
                                    mb(disk_reserve_bytes) + " stay reserved, " + mb(free_bytes) +
                                    " are free");
  }
  auto dir = p.staging() / base::random_name();
  if (auto made = make_directory(dir, private_mode); !made) return fail(made.error());
  if (auto made = make_directory(dir / paths::content, content_mode); !made)
    return fail(made.error());
  return dir.string();
}

result<void> publish_staged(const paths& p, const fs::path& staging, const stored_cache& facts,
                            const std::string& boot) {
  // Writing the facts would make the directory, were it gone: a cache without content.
  std::error_code failed;
  if (!fs::is_directory(staging / paths::content, failed))
    return fail(errc::io, "Cannot publish '" + staging.string() + "': it holds no content");
  if (auto w = base::write_file_atomically(staging / paths::meta, print_stored_cache(facts)); !w)
    return w;
  if (auto w = base::write_file_atomically(staging / paths::unsynced, boot); !w) return w;
  auto home = p.stored(facts.manifest);
  if (::rename(staging.c_str(), home.c_str()) == 0) return {};
  auto why = base::errno_error(errno, "publish", home);
  auto there = base::read_file(home / paths::meta, max_record_bytes);
  if (!there || parse_stored_cache(*there) || !may_be_facts_of_later_version(*there))
    return fail(why);
  // What a later version stored under this digest makes way; pods that have it mounted keep its
  // files.
  auto other = damaged_name(p, facts.manifest.hex);
  if (::rename(home.c_str(), other.c_str()) != 0 || ::rename(staging.c_str(), home.c_str()) != 0)
    return fail(base::errno_error(errno, "publish", home));
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

/// The new content first, then the record that names it, so that the path never lags behind.
result<std::string> write_catalog(const paths& p, const catalog_record& r) {
  auto link = p.exposed(r.ref);
  bool usable = r.state == cache_state::extracted;
  if (auto made = base::make_directories(p.cache(r.ref), open_mode); !made)
    return fail(made.error());
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

result<std::unique_ptr<state_dir>> state_dir::open(paths where) {
  for (const auto& dir : {where.root, where.caches()})
    if (auto made = base::make_directories(dir, open_mode); !made) return fail(made.error());
  auto lock = base::file_lock::take(where.lock());
  if (!lock) return wrap(lock.error(), "Cannot use the state directory");
  for (const auto& dir : {where.store().parent_path(), where.store(), where.staging()})
    if (auto made = make_directory(dir, private_mode); !made) return fail(made.error());
  if (auto known = check_layout(where); !known) return fail(known.error());
  auto boot = base::boot_id();
  if (!boot) return fail(boot.error());
  return std::unique_ptr<state_dir>(new state_dir(std::move(where), std::move(*lock), *boot));
}

state_dir::state_dir(paths where, base::file_lock lock, std::string boot)
    : paths_(std::move(where)), lock_(std::move(lock)), boot_(std::move(boot)) {}

state_dir::~state_dir() { ordered_.finish(); }

void state_dir::recover(answer<recovered> reply) {
  ordered_.post([=, this] { reply(recover_state(paths_, boot_)); });
}

void state_dir::stage(uint64_t needed_bytes, answer<std::string> reply) {
  ordered_.post([=, this] { reply(make_staging(paths_, needed_bytes)); });
}

void state_dir::publish(const std::string& staging, const stored_cache& facts, answer<done> reply) {
  ordered_.post([=, this] { reply(ok(publish_staged(paths_, staging, facts, boot_))); });
}

void state_dir::sync(const digest& manifest, answer<done> reply) {
  slow_.post([=, this] { reply(ok(sync_stored(paths_.stored(manifest)))); });
}

void state_dir::discard(const std::string& staging, answer<done> reply) {
  slow_.post([=] { reply(ok(base::remove_tree(staging))); });
}

void state_dir::remove(const digest& manifest, answer<done> reply) {
  ordered_.post([=, this] {
    auto taken = take_out_unused(paths_, manifest, boot_);
    if (!taken) return reply(fail(taken.error()));
    // It is gone from the store now, whatever becomes of the rest.
    discard(taken->string(), [trash = *taken, reply](const result<done>& swept) {
      if (!swept)
        log::warn("Cannot remove all of what was dropped; the next start will",
                  {{"dir", trash.string()}, {"error", swept.error().message}});
      reply(done{});
    });
  });
}

void state_dir::write_record(const catalog_record& record, answer<std::string> reply) {
  ordered_.post([=, this] { reply(write_catalog(paths_, record)); });
}

void state_dir::forget(const cache_ref& ref, answer<done> reply) {
  ordered_.post([=, this] {
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
