#include "actors/node/disk/volume_record_watch.hpp"

#include "actors/node/disk/volume_records.hpp"
#include "base/directory_watch.hpp"
#include "base/program/log.hpp"
#include "base/sha256.hpp"

#include <set>

namespace gkm::node {
namespace log = base::log;
namespace {

/// Lives in the watch's thread.
class reader {
public:
  reader(paths where, std::string boot) : where_(std::move(where)), boot_(std::move(boot)) {}

  /// Nothing until the directory could be listed once, then what is new.
  std::optional<std::vector<volume_record_change>> look(const base::directory_changes& changes) {
    if (changes.all || !listed_) return list();
    std::vector<volume_record_change> found;
    for (const auto& name : changes.names)
      if (name.ends_with(extension) && !name.starts_with('.'))
        read(name.substr(0, name.size() - extension.size()), found);
    return found;
  }

private:
  static constexpr std::string_view extension = ".json";

  std::optional<std::vector<volume_record_change>> list() {
    auto keys = list_volume_keys(where_);
    if (!keys) {
      log::error("Cannot tell which caches are in use; nothing more is removed from the store",
                 {{"error", keys.error().message}});
      return std::nullopt;
    }
    listed_ = true;
    std::vector<volume_record_change> found;
    auto maybe_gone = known_;
    for (const auto& key : *keys) {
      maybe_gone.erase(key);
      read(key, found);
    }
    for (const auto& key : maybe_gone) read(key, found);
    return found;
  }

  void read(const std::string& key, std::vector<volume_record_change>& found) {
    auto record = read_volume(where_, key, boot_);
    if (record && base::sha256::of(record->volume_id).hex != key)
      record = fail(errc::malformed, "it is of another volume, '" + record->volume_id + "'");
    if (!record && record.error().code != errc::not_found) {
      if (bad_.insert(key).second)
        log::error(
            "Volume record cannot be read; nothing is removed from the store while it is there",
            {{"file", where_.volume(key).string()}, {"error", record.error().message}});
      return;
    }
    bad_.erase(key);
    if (record) {
      known_.insert(key);
      found.push_back({key, std::move(*record)});
    } else if (known_.erase(key) != 0) {
      found.push_back({key, std::nullopt});
    }
  }

  const paths where_;
  const std::string boot_;
  bool listed_ = false;
  std::set<std::string> known_;  ///< keys of the records that were told of
  std::set<std::string> bad_;    ///< that were complained about
};

}  // namespace

volume_record_watch::volume_record_watch(paths where, std::string boot)
    : where_(std::move(where)), boot_(std::move(boot)) {}

volume_record_watch::~volume_record_watch() = default;

void volume_record_watch::watch(std::function<void(std::vector<volume_record_change>)> changed) {
  auto look = [records = std::make_shared<reader>(where_, boot_), changed = std::move(changed),
               first = true](const base::directory_changes& changes) mutable {
    auto found = records->look(changes);
    if (!found || (found->empty() && !std::exchange(first, false))) return;
    first = false;
    changed(std::move(*found));
  };
  auto started = base::directory_watch::start_named(where_.volumes(), std::move(look));
  if (started)
    watch_ = std::move(*started);
  else
    log::error("Cannot see which caches are in use; nothing is removed from the store",
               {{"error", started.error().message}});
}

}  // namespace gkm::node
