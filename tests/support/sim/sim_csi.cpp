#include "tests/support/sim/sim_csi.hpp"

namespace gkm::sim {
namespace {

/// For steps that several volumes may take at once.
constexpr auto no_volume = "";

bool has_scratch(view_kind view) { return view != view_kind::readonly; }

}  // namespace

// -- catalog --------------------------------------------------------------------------------------

fake_catalog::fake_catalog(process p, fake_node& n) : process_(std::move(p)), node_(n) {
  node_.catalog_changed = [this](const cache_ref& ref) { changed(ref); };
}

void fake_catalog::lookup(const cache_ref& ref, answer<catalog_record> reply) {
  auto& chance = process_.chaos();
  process_.after(chance.between(0, 10), [this, ref, reply] {
    result<catalog_record> found = fail(errc::not_found, "no record");
    if (auto it = node_.catalog.find(ref); it != node_.catalog.end()) found = it->second;
    if (process_.chaos().strikes()) found = fail(errc::io, "input/output error");
    if (process_.chaos().strikes() && !node_.catalog.empty()) {
      auto forged = node_.catalog.begin();
      std::advance(forged, process_.chaos().below(node_.catalog.size()));
      found = forged->second;
    }
    process_.after(process_.chaos().between(0, 10), [reply, found] { reply(found); });
  });
}

struct fake_catalog::watching : csi::subscription {
  explicit watching(std::shared_ptr<watcher> w) : who(std::move(w)) {}
  std::shared_ptr<watcher> who;
};

std::unique_ptr<csi::subscription> fake_catalog::watch(const cache_ref& ref,
                                                       std::function<void()> changed) {
  auto who = std::make_shared<watcher>(watcher{ref, std::move(changed)});
  watchers_.push_back(who);
  tell(who);
  return std::make_unique<watching>(who);
}

void fake_catalog::changed(const cache_ref& ref) {
  for (const auto& w : watchers_)
    if (auto who = w.lock(); who && who->ref == ref) tell(w);
}

void fake_catalog::tell(const std::weak_ptr<watcher>& who) {
  process_.after(process_.chaos().between(0, 20), [who] {
    if (auto alive = who.lock()) alive->changed();
  });
}

size_t fake_catalog::watches() {
  std::erase_if(watchers_, [](const auto& w) { return w.expired(); });
  return watchers_.size();
}

// -- volumes --------------------------------------------------------------------------------------

bool fake_mounter::is_taken(const std::string& target) const {
  return node_.foreign.contains(target) || node_.mounts.contains(target);
}

void fake_mounter::begin(const std::string& volume_id) {
  if (++at_work_[volume_id] > 1 && volume_id != no_volume)
    node_.problems.push_back("two steps at once on volume " + volume_id);
}

template <class T>
void fake_mounter::carry_out(const std::string& volume_id, std::function<result<T>()> effect,
                             answer<T> reply) {
  begin(volume_id);
  process_.after(a_moment(), [=, this] {
    result<T> outcome =
        process_.chaos().strikes() ? result<T>(fail(errc::io, "input/output error")) : effect();
    process_.after(a_moment(), [=, this] {
      --at_work_[volume_id];
      reply(outcome);
    });
  });
}

void fake_mounter::recover(answer<done> reply) {
  carry_out<done>(
      no_volume, [this] { return recover_now(); }, std::move(reply));
}

result<done> fake_mounter::recover_now() {
  for (auto it = node_.records.begin(); it != node_.records.end();) {
    const auto& r = it->second;
    auto seen = node_.mounts.find(r.target);
    bool ours = seen != node_.mounts.end() && seen->second.volume_id == r.volume_id;
    if (ours && r.phase == volume_phase::mounted) {
      ++it;
      continue;
    }
    if (ours) node_.mounts.erase(seen);
    if (!is_taken(r.target)) node_.targets.erase(r.target);
    node_.erase(std::exchange(it, std::next(it))->first);
    // As disks go: the next start finds the rest.
    if (process_.chaos().strikes()) return fail(errc::io, "input/output error");
  }
  std::erase_if(node_.scratch, [this](const auto& id) { return !node_.records.contains(id); });
  recovered = true;
  return done{};
}

void fake_mounter::read(const std::string& volume_id, answer<volume_record> reply) {
  carry_out<volume_record>(
      volume_id,
      [=, this]() -> result<volume_record> {
        auto it = node_.records.find(volume_id);
        if (it == node_.records.end()) return fail(errc::not_found, "no record");
        return it->second;
      },
      std::move(reply));
}

void fake_mounter::is_mounted(const volume_record& record, answer<bool> reply) {
  carry_out<bool>(
      record.volume_id,
      [=, this]() -> result<bool> {
        auto it = node_.mounts.find(record.target);
        return it != node_.mounts.end() && it->second.volume_id == record.volume_id &&
               !node_.foreign.contains(record.target);
      },
      std::move(reply));
}

void fake_mounter::write(const volume_record& record, answer<done> reply) {
  carry_out<done>(
      record.volume_id,
      [=, this]() -> result<done> {
        node_.write(record);
        if (process_.chaos().strikes()) return fail(errc::io, "written, but not for sure");
        return done{};
      },
      std::move(reply));
}

void fake_mounter::erase(const std::string& volume_id, answer<done> reply) {
  carry_out<done>(
      volume_id,
      [=, this]() -> result<done> {
        node_.erase(volume_id);
        return done{};
      },
      std::move(reply));
}

void fake_mounter::mount(const volume_record& wanted, std::stop_token stop,
                         answer<volume_record> reply) {
  begin(wanted.volume_id);
  auto over = [=, this](const result<volume_record>& outcome) {
    --at_work_[wanted.volume_id];
    reply(outcome);
  };
  auto opened = [=, this](const result<fake_mount>& view) {
    if (!view) return over(fail(view.error()));
    if (has_scratch(view->view)) node_.scratch.insert(wanted.volume_id);
    node_.targets.insert(wanted.target);
    process_.after(a_moment(), [=, this, view = *view] {
      bool taken = is_taken(wanted.target);
      bool given_up = stop.stop_requested();
      if (taken || given_up || process_.chaos().strikes()) {
        node_.scratch.erase(wanted.volume_id);
        if (given_up) return over(fail(errc::cancelled, "given up"));
        return over(taken ? fail(errc::conflict, "taken") : fail(errc::no_space, "disk full"));
      }
      node_.mounts[wanted.target] = view;
      auto record = wanted;
      record.view = view.view;
      process_.after(a_moment(), [=] { over(record); });
    });
  };
  carry_out<fake_mount>(
      "view of " + wanted.volume_id, [=, this] { return open(wanted); }, opened);
}

result<fake_mount> fake_mounter::open(const volume_record& wanted) {
  if (is_taken(wanted.target)) return fail(errc::conflict, "something is mounted there");
  fake_mount view{wanted.volume_id, wanted.manifest, 0, wanted.view};
  if (wanted.view == view_kind::empty) return view;
  if (wanted.view == view_kind::overlay && process_.chaos().strikes()) view.view = view_kind::copy;
  const auto* found = node_.find_stored(wanted.manifest);
  if (!found) {
    ++missed;
    return fail(errc::not_found, "not in the store");
  }
  view.instance = found->instance;
  return view;
}

void fake_mounter::unmount(const std::string& volume_id, const std::string& target,
                           answer<done> reply) {
  carry_out<done>(
      volume_id,
      [=, this]() -> result<done> {
        if (node_.foreign.contains(target))
          return node_.has_mount(volume_id) ? fail(errc::busy, "something lies over it")
                                            : fail(errc::conflict, "not GKM's");
        auto it = node_.mounts.find(target);
        if (it != node_.mounts.end() && it->second.volume_id != volume_id)
          return fail(errc::conflict, "another volume's");
        if (it != node_.mounts.end()) node_.mounts.erase(it);
        node_.scratch.erase(volume_id);
        return done{};
      },
      std::move(reply));
}

void fake_mounter::remove_target(const std::string& target, answer<done> reply) {
  carry_out<done>(
      no_volume,
      [=, this]() -> result<done> {
        if (is_taken(target)) return fail(errc::conflict, "something is mounted there");
        node_.targets.erase(target);
        return done{};
      },
      std::move(reply));
}

void fake_mounter::measure(const volume_record& record, answer<volume_stats> reply) {
  carry_out<volume_stats>(
      record.volume_id,
      [=, this]() -> result<volume_stats> {
        volume_stats s;
        s.used_bytes = record.cache_bytes;
        if (!node_.mounts.contains(record.target)) s.problem = "the view is gone";
        return s;
      },
      std::move(reply));
}

// -- agent ----------------------------------------------------------------------------------------

void fake_agent::say(const catalog_record& record) {
  const auto& d = record.manifest;
  if (!d.empty()) {
    if (collecting_.contains(d)) return;
    if (!node_.store.contains(d)) node_.commit({d, {}, {}, {}, {}, {}}, {d, 0, true}, 0);
  }
  node_.write(record);
}

void fake_agent::forget(const cache_ref& ref) { node_.forget(ref); }

bool fake_agent::is_claimed(const digest& d) const {
  return std::any_of(node_.catalog.begin(), node_.catalog.end(),
                     [&](const auto& entry) { return entry.second.manifest == d; });
}

void fake_agent::collect() {
  for (const auto& [d, stored] : node_.store) {
    if (is_claimed(d) || !collecting_.insert(d).second) continue;
    world_.after(world_.chaos().between(0, 60), [this, d = d] { set_aside(d); });
  }
}

void fake_agent::set_aside(const digest& d) {
  node_.aside.insert(node_.store.extract(d));
  world_.after(world_.chaos().between(0, 60), [this, d] { look_again(d); });
}

/// What was read a moment ago is acted on now.
void fake_agent::look_again(const digest& d) {
  world_.after(world_.chaos().between(0, 20), [this, d, wanted = node_.pins(d)] {
    collecting_.erase(d);
    auto content = node_.aside.extract(d);
    if (wanted) node_.store.insert(std::move(content));
  });
}

}  // namespace gkm::sim
