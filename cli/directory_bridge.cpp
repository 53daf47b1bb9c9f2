#include "cli/directory_bridge.hpp"

#include "base/directory_watch.hpp"
#include "base/program/log.hpp"
#include "base/worker_pool.hpp"

#include <mutex>
#include <set>

namespace gkm::cli {
namespace fs = std::filesystem;
namespace log = base::log;
namespace {

result<listing> read_listing(const fs::path& dir) {
  auto files = read_cache_files(dir);
  if (!files) return fail(files.error());
  listing seen{std::move(*files), {}};
  for (const auto& [name, file] : seen.files) {
    std::error_code ignored;
    seen.written_ns[name] = fs::last_write_time(name, ignored).time_since_epoch().count();
  }
  return seen;
}

}  // namespace

directory_bridge::directory_bridge(bridge_actor::pointer self, fs::path dir, node_actor node,
                                   base::worker_pool& disk, observer observe)
    : self_(self),
      dir_(std::move(dir)),
      node_(std::move(node)),
      disk_(disk),
      observe_(std::move(observe)) {}

directory_bridge::~directory_bridge() = default;

bridge_actor::behavior_type directory_bridge::make_behavior() {
  // A weak pointer: the watch lives in this state, and must not keep its own actor alive.
  auto me = caf::actor_cast<caf::weak_actor_ptr>(bridge_actor(self_));
  auto tell = [me, this](result<listing> seen) {
    if (auto strong = caf::actor_cast<caf::strong_actor_ptr>(me))
      caf::anon_send(caf::actor_cast<bridge_actor>(strong), run_atom_v,
                     continuation{[this, seen = std::move(seen)] { learned(seen); }});
  };
  // One reading at a time, so that an older one never arrives after a newer one.
  auto read = [tell, dir = dir_, reading = std::make_shared<std::mutex>()] {
    std::lock_guard lock(*reading);
    tell(read_listing(dir));
  };
  auto watch = base::directory_watch::start(dir_, read);
  if (watch)
    watch_ = std::move(*watch);
  else
    log::error("Changes will not be seen", {{"error", watch.error().message}});
  disk_.post(read);
  return {[](run_atom, const continuation& c) { c.run(); }};
}

void directory_bridge::learned(const result<listing>& seen) {
  if (!seen) {
    log::error("Cannot read the directory, keeping what was wanted",
               {{"error", seen.error().message}});
    return;
  }
  auto now = merge_cache_files(wanted_, seen->files);
  for (const auto& p : now.problems)
    if (std::find(wanted_.problems.begin(), wanted_.problems.end(), p) == wanted_.problems.end())
      log::info("Problem in a file", {{"where", p.str()}});
  for (const auto& n : now.notes)
    if (std::find(wanted_.notes.begin(), wanted_.notes.end(), n) == wanted_.notes.end())
      log::info("Setting passed over", {{"where", n.str()}});
  for (const auto& [ref, spec] : wanted_.caches)
    if (!now.caches.contains(ref)) self_->send(node_, deleted_atom_v, ref);
  std::set<cache_ref> touched;
  for (const auto& [file, refs] : now.owners)
    if (!written_ns_.contains(file) || written_ns_[file] != seen->written_ns.at(file))
      touched.insert(refs.begin(), refs.end());
  for (const auto& [ref, spec] : now.caches) {
    auto before = wanted_.caches.find(ref);
    if (before == wanted_.caches.end() || before->second != spec || touched.contains(ref))
      self_->send(node_, changed_atom_v, spec);
  }
  wanted_ = std::move(now);
  written_ns_ = seen->written_ns;
  if (observe_) observe_(wanted_);
  // Until every file can be read it is not known what nobody wants: nothing is dropped.
  if (!wanted_.hides_some && !std::exchange(synced_, true)) self_->send(node_, synced_atom_v);
}

}  // namespace gkm::cli
