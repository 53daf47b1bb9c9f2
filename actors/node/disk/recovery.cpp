#include "actors/node/disk/recovery.hpp"

#include "actors/node/disk/list_caches.hpp"
#include "actors/node/disk/removal.hpp"
#include "base/files.hpp"
#include "base/program/log.hpp"
#include "messages/record.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace gkm::node {
namespace fs = std::filesystem;
namespace log = base::log;
namespace {

result<std::vector<fs::path>> entries_of(const fs::path& dir) {
  std::error_code failed;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(dir, failed), end; !failed && it != end; it.increment(failed))
    entries.push_back(it->path());
  if (failed) return fail(base::errno_error(failed.value(), "read", dir));
  return entries;
}

void sweep(const fs::path& rubbish) {
  if (auto removed = base::remove_tree(rubbish); !removed)
    log::warn("Cannot sweep", {{"path", rubbish.string()}, {"error", removed.error().message}});
}

bool is_real_directory(const fs::path& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// Out of the store by one rename first: a crash meanwhile leaves it in staging. What a pod has
/// mounted loses its place, so that it can be fetched again, but no file.
void drop(const paths& p, const fs::path& stored, const std::string& boot, std::string_view why) {
  log::warn("Dropped from the store", {{"path", stored.string()}, {"why", why}});
  auto trash = damaged_name(p, stored.filename().string());
  std::error_code failed;
  fs::rename(stored, trash, failed);
  if (!is_damaged_in_use(p, trash, boot)) sweep(failed ? stored : trash);
}

/// What was being taken out of the store is whole and goes back: whether it is needed is the
/// store's question, once all is known. The rest of staging goes.
result<void> clear_staging(const paths& p, const std::string& boot) {
  auto entries = entries_of(p.staging());
  if (!entries) return fail(entries.error());
  for (const auto& e : *entries) {
    if (is_damaged_in_use(p, e, boot)) continue;
    auto taken_out = digest::parse("sha256:" + e.filename().string());
    if (!taken_out || ::rename(e.c_str(), p.stored(*taken_out).c_str()) != 0) sweep(e);
  }
  return {};
}

void read_stored(const paths& p, const fs::path& dir, const std::string& boot, recovered& found) {
  auto name = digest::parse("sha256:" + dir.filename().string());
  if (!name || !is_real_directory(dir)) return drop(p, dir, boot, "not a digest's directory");
  auto marked = base::read_file(dir / paths::unsynced, 64);
  bool unsynced = marked || marked.error().code != errc::not_found;
  if (unsynced && (!marked || *marked != boot))
    return drop(p, dir, boot, "not synced before a reboot");
  auto text = base::read_file(dir / paths::meta, max_record_bytes);
  auto facts = text ? parse_stored_cache(*text) : fail(text.error());
  if (!facts && text && may_be_facts_of_later_version(*text))
    return log::warn("A later version of GKM stored this; it stays as it is, unused",
                     {{"path", dir.string()}, {"error", facts.error().message}});
  if (!facts) return drop(p, dir, boot, facts.error().message);
  if (facts->manifest != *name) return drop(p, dir, boot, "its facts name another digest");
  if (!is_real_directory(dir / paths::content)) return drop(p, dir, boot, "it has no content");
  if (unsynced) found.unsynced.push_back(*name);
  found.stored.push_back(std::move(*facts));
}

result<catalog_record> read_record(const paths& p, const cache_ref& ref) {
  auto text = base::read_file(p.record(ref), max_record_bytes);
  if (!text) return fail(text.error());
  auto record = parse_catalog_record(*text);
  if (record && record->ref != ref)
    return fail(errc::malformed, "it names " + record->ref.str() + " instead");
  return record;
}

void sweep_temporaries(const fs::path& dir) {
  auto entries = entries_of(dir);
  if (!entries) return;
  for (const auto& e : *entries)
    if (e.filename().string().starts_with('.')) sweep(e);
}

catalog_record read_catalog_entry(const paths& p, const cache_ref& ref) {
  sweep_temporaries(p.cache(ref));
  auto record = read_record(p, ref);
  if (record) return *record;
  if (record.error().code != errc::not_found) {
    auto rejected = p.record(ref).string() + ".rejected";
    log::error("Catalog record set aside",
               {{"cache", ref.str()}, {"moved_to", rejected}, {"error", record.error().message}});
    std::error_code ignored;
    fs::rename(p.record(ref), rejected, ignored);
  }
  catalog_record unknown;
  unknown.ref = ref;
  unknown.state = cache_state::error;
  return unknown;
}

int64_t last_wanted(const paths& p, const stored_cache& facts) {
  struct stat about {};
  ::stat((p.stored(facts.manifest) / paths::meta).c_str(), &about);
  return about.st_mtim.tv_sec;
}

}  // namespace

result<recovered> recover_state(const paths& p, const std::string& boot) {
  if (auto cleared = clear_staging(p, boot); !cleared) return fail(cleared.error());
  auto stored = entries_of(p.store());
  if (!stored) return fail(stored.error());
  recovered found;
  for (const auto& dir : *stored) read_stored(p, dir, boot, found);
  std::stable_sort(found.stored.begin(), found.stored.end(),
                   [&](const stored_cache& a, const stored_cache& b) {
                     return last_wanted(p, a) < last_wanted(p, b);
                   });
  for (const auto& ref : list_caches(p)) found.records.push_back(read_catalog_entry(p, ref));
  return found;
}

}  // namespace gkm::node
