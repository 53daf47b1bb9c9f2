#include "tests/support/sim_csi.hpp"

namespace gkm::sim {
namespace {

/// For steps that several volumes may take at once.
constexpr auto no_volume = "";

bool has_scratch(view_kind view) { return view != view_kind::readonly; }

}  // namespace

void fake_node::reboot() {
  records.clear();
  mounts.clear();
  foreign.clear();
  ++boot;
}

bool fake_node::pins(const digest& d) const {
  return std::any_of(records.begin(), records.end(),
                     [&](const auto& entry) { return entry.second.manifest == d; });
}

bool fake_node::has_mount(const std::string& volume_id) const {
  return std::any_of(mounts.begin(), mounts.end(),
                     [&](const auto& entry) { return entry.second.volume_id == volume_id; });
}

// -- catalog --------------------------------------------------------------------------------------

void fake_catalog::lookup(const cache_ref& ref, answer<catalog_record> reply) {
  auto& chance = world_.chaos();
  world_.after(chance.between(0, 10), [this, ref, reply] {
    result<catalog_record> found = fail(errc::not_found, "no record");
    if (auto it = node_.catalog.find(ref); it != node_.catalog.end()) found = it->second;
    if (world_.chaos().strikes()) found = fail(errc::io, "input/output error");
    if (world_.chaos().strikes() && !node_.catalog.empty()) {
      auto forged = node_.catalog.begin();
      std::advance(forged, world_.chaos().below(node_.catalog.size()));
      found = forged->second;
    }
    world_.after(world_.chaos().between(0, 10), [reply, found] { reply(found); });
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
  world_.after(world_.chaos().between(0, 20), [who] {
    if (auto alive = who.lock()) alive->changed();
  });
}

size_t fake_catalog::watches() {
  std::erase_if(watchers_, [](const auto& w) { return w.expired(); });
  return watchers_.size();
}

// -- volumes --------------------------------------------------------------------------------------

bool fake_volumes::is_taken(const std::string& target) const {
  return node_.foreign.contains(target) || node_.mounts.contains(target);
}

void fake_volumes::begin(const std::string& volume_id) {
  if (++at_work_[volume_id] > 1 && volume_id != no_volume)
    node_.problems.push_back("two steps at once on volume " + volume_id);
}

template <class T>
void fake_volumes::carry_out(const std::string& volume_id, std::function<result<T>()> effect,
                             answer<T> reply) {
  begin(volume_id);
  world_.after(a_moment(), [=, this] {
    result<T> outcome =
        world_.chaos().strikes() ? result<T>(fail(errc::io, "input/output error")) : effect();
    world_.after(a_moment(), [=, this] {
      --at_work_[volume_id];
      reply(outcome);
    });
  });
}

void fake_volumes::recover(answer<done> reply) {
  carry_out<done>(
      no_volume, [this] { return recover_now(); }, std::move(reply));
}

result<done> fake_volumes::recover_now() {
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
    it = node_.records.erase(it);
    // As disks go: the next start finds the rest.
    if (world_.chaos().strikes()) return fail(errc::io, "input/output error");
  }
  std::erase_if(node_.scratch, [this](const auto& id) { return !node_.records.contains(id); });
  recovered = true;
  return done{};
}

void fake_volumes::read(const std::string& volume_id, answer<volume_record> reply) {
  carry_out<volume_record>(
      volume_id,
      [=, this]() -> result<volume_record> {
        auto it = node_.records.find(volume_id);
        if (it == node_.records.end()) return fail(errc::not_found, "no record");
        return it->second;
      },
      std::move(reply));
}

void fake_volumes::is_mounted(const volume_record& record, answer<bool> reply) {
  carry_out<bool>(
      record.volume_id,
      [=, this]() -> result<bool> {
        auto it = node_.mounts.find(record.target);
        return it != node_.mounts.end() && it->second.volume_id == record.volume_id;
      },
      std::move(reply));
}

void fake_volumes::write(const volume_record& record, answer<done> reply) {
  carry_out<done>(
      record.volume_id,
      [=, this]() -> result<done> {
        node_.records[record.volume_id] = record;
        if (world_.chaos().strikes()) return fail(errc::io, "written, but not for sure");
        return done{};
      },
      std::move(reply));
}

void fake_volumes::erase(const std::string& volume_id, answer<done> reply) {
  carry_out<done>(
      volume_id,
      [=, this]() -> result<done> {
        node_.records.erase(volume_id);
        return done{};
      },
      std::move(reply));
}

void fake_volumes::mount(const volume_record& wanted, answer<volume_record> reply) {
  begin(wanted.volume_id);
  auto over = [=, this](const result<volume_record>& outcome) {
    --at_work_[wanted.volume_id];
    reply(outcome);
  };
  auto opened = [=, this](const result<fake_mount>& view) {
    if (!view) return over(fail(view.error()));
    if (has_scratch(view->view)) node_.scratch.insert(wanted.volume_id);
    node_.targets.insert(wanted.target);
    world_.after(a_moment(), [=, this, view = *view] {
      bool taken = is_taken(wanted.target);
      if (taken || world_.chaos().strikes()) {
        node_.scratch.erase(wanted.volume_id);
        return over(taken ? fail(errc::conflict, "taken") : fail(errc::no_space, "disk full"));
      }
      node_.mounts[wanted.target] = view;
      auto record = wanted;
      record.view = view.view;
      world_.after(a_moment(), [=] { over(record); });
    });
  };
  carry_out<fake_mount>(
      "view of " + wanted.volume_id, [=, this] { return open(wanted); }, opened);
}

result<fake_mount> fake_volumes::open(const volume_record& wanted) {
  if (is_taken(wanted.target)) return fail(errc::conflict, "something is mounted there");
  fake_mount view{wanted.volume_id, wanted.manifest, 0, wanted.view};
  if (wanted.view == view_kind::empty) return view;
  if (wanted.view == view_kind::overlay && world_.chaos().strikes()) view.view = view_kind::copy;
  auto it = node_.store.find(wanted.manifest);
  if (it == node_.store.end()) return fail(errc::not_found, "not in the store");
  view.instance = it->second;
  return view;
}

void fake_volumes::unmount(const std::string& volume_id, const std::string& target,
                           answer<done> reply) {
  carry_out<done>(
      volume_id,
      [=, this]() -> result<done> {
        if (node_.foreign.contains(target)) return fail(errc::conflict, "not GKM's");
        auto it = node_.mounts.find(target);
        if (it != node_.mounts.end() && it->second.volume_id != volume_id)
          return fail(errc::conflict, "another volume's");
        if (it != node_.mounts.end()) node_.mounts.erase(it);
        node_.scratch.erase(volume_id);
        return done{};
      },
      std::move(reply));
}

void fake_volumes::remove_target(const std::string& target, answer<done> reply) {
  carry_out<done>(
      no_volume,
      [=, this]() -> result<done> {
        if (is_taken(target)) return fail(errc::conflict, "something is mounted there");
        node_.targets.erase(target);
        return done{};
      },
      std::move(reply));
}

void fake_volumes::measure(const volume_record& record, answer<volume_stats> reply) {
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
    if (!node_.store.contains(d)) node_.store[d] = ++instances_;
    history[record.ref].insert(d);
  }
  node_.catalog[record.ref] = record;
  catalog_.changed(record.ref);
}

void fake_agent::forget(const cache_ref& ref) {
  node_.catalog.erase(ref);
  catalog_.changed(ref);
}

bool fake_agent::is_claimed(const digest& d) const {
  return std::any_of(node_.catalog.begin(), node_.catalog.end(),
                     [&](const auto& entry) { return entry.second.manifest == d; });
}

void fake_agent::collect() {
  for (const auto& [d, instance] : node_.store) {
    if (is_claimed(d) || !collecting_.insert(d).second) continue;
    world_.regardless_after(world_.chaos().between(0, 60), [this, d = d] { set_aside(d); });
  }
}

void fake_agent::set_aside(const digest& d) {
  node_.aside.insert(node_.store.extract(d));
  world_.regardless_after(world_.chaos().between(0, 60), [this, d] { look_again(d); });
}

/// What was read a moment ago is acted on now.
void fake_agent::look_again(const digest& d) {
  world_.regardless_after(world_.chaos().between(0, 20), [this, d, wanted = node_.pins(d)] {
    collecting_.erase(d);
    auto content = node_.aside.extract(d);
    if (wanted) node_.store.insert(std::move(content));
  });
}

}  // namespace gkm::sim
