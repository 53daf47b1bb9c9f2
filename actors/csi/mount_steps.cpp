#include "actors/csi/back_here.hpp"
#include "actors/csi/mount.hpp"
#include "base/program/log.hpp"

namespace gkm::csi {
namespace log = base::log;
namespace {

constexpr std::chrono::milliseconds first_look_again{2};
constexpr std::chrono::milliseconds first_look_at_repair{50};

}  // namespace

void mount_state::begin(const publish_job& j) {
  record_ = {};
  stop_ = {};
  recorded_ = touched_target_ = looking_ = look_again_ = false;
  collected_ = 0;
  repairs_ = 0;
  missing_ = {};
  waiting_for_ = {};
  began_ = self_->clock().now();
  deadline_ = began_ + std::chrono::seconds(j.request.wait_s);
  clock_set_ = {};
  ports_.volumes->read(volume_id_, back_here<volume_record>([this](result<volume_record> found) {
                         if (found) return compare(*found);
                         if (found.error().code == errc::not_found) return look_up_cache();
                         failed(found.error());
                       }));
}

void mount_state::compare(const volume_record& found) {
  bool live = found.phase == volume_phase::mounted && found.boot == ports_.host->boot_id();
  if (!live) return clear_leftover(found);
  ports_.volumes->is_mounted(
      found, back_here<bool>([this, found](const result<bool>& mounted) {
        if (!mounted) return failed(mounted.error());
        if (!*mounted) return clear_leftover(found);
        const auto& q = request();
        if (found.target == q.target && found.ref == q.ref) return published(found);
        failed(
            {errc::conflict, "'" + found.target + "' shows '" + found.ref.str() + "' already", {}});
      }));
}

/// Of an undo that failed, or a view that somebody else took away.
void mount_state::clear_leftover(const volume_record& found) {
  auto cleared = [this] { look_up_cache(); };
  auto stuck = [this](const error& e) {
    failed(wrap(e, "Cannot clear what is left of volume '" + volume_id_ + "'").value());
  };
  // A view that is in its place, or that somebody hides, needs its record.
  bool may_forget = found.phase == volume_phase::intent || found.boot != ports_.host->boot_id();
  take_down(found.target, cleared, [=, this](const error& e) {
    if (e.code == errc::conflict && may_forget) return erase(cleared, stuck);
    stuck(e);
  });
}

// -- resolving, waiting ---------------------------------------------------------------------------

void mount_state::look_up_cache() {
  looking_ = true;
  ports_.catalog->lookup(request().ref,
                         back_here<catalog_record>([this](const result<catalog_record>& found) {
                           looking_ = false;
                           resolved(found);
                         }));
}

void mount_state::resolved(const result<catalog_record>& found) {
  auto decision = decide_mount(request().ref, found);
  if (const auto* later_maybe = std::get_if<not_yet>(&decision)) return wait(*later_maybe);
  stop_waiting();
  if (const auto* never = std::get_if<hopeless>(&decision)) return fall_back_or_fail(never->why);
  auto intent = intent_for(request(), std::get<usable>(decision).record);
  if (intent.manifest != missing_) return record(std::move(intent));
  // The agent has it out of the way, to look whether anybody uses it; the record says so.
  later(first_look_again * (1 << collected_), [this, intent] { record(intent); });
}

void mount_state::wait(const not_yet& why) {
  const auto& q = request();
  waiting_for_ = why;
  if (is_leaving(q.target)) return cancel_wait();
  if (std::exchange(look_again_, false)) return look_up_cache();
  if (self_->clock().now() >= wait_ends()) return give_up_when_due();
  watch_the_clock();
  if (watch_) return;
  log::info("Waiting for cache",
            {{"volume", volume_id_}, {"cache", q.ref.str()}, {"why", why.reason}});
  auto tell = [me = mount_actor(self_), epoch = epoch_] {
    caf::anon_send(me, changed_atom_v, epoch);
  };
  watch_ = ports_.catalog->watch(q.ref, tell);
}

caf::actor_clock::time_point mount_state::wait_ends() const {
  if (ending_) return began_;
  bool hopeless = waited_ && !waiting_for_.known;
  return hopeless ? std::min(deadline_, began_ + hopeless_wait) : deadline_;
}

void mount_state::watch_the_clock() {
  auto ends = wait_ends();
  if (std::exchange(clock_set_, ends) == ends) return;
  later(std::chrono::ceil<std::chrono::milliseconds>(ends - self_->clock().now()), [this] {
    if (watch_) give_up_when_due();
  });
}

void mount_state::changed(uint64_t epoch) {
  if (epoch != epoch_ || !watch_) return;
  if (looking_)
    look_again_ = true;
  else
    look_up_cache();
}

void mount_state::stop_waiting() {
  watch_.reset();
  look_again_ = false;
}

/// A mount that is under way is finished. A wait for a cache ends; kubelet asks the next process.
void mount_state::end_wait() {
  ending_ = true;
  if (watch_) give_up_when_due();
}

/// A lookup that is under way has the last word.
void mount_state::give_up_when_due() {
  auto ends = wait_ends();
  if (looking_ || self_->clock().now() < ends) return;
  stop_waiting();
  auto waited = std::chrono::round<std::chrono::seconds>(ends - began_);
  auto limit = ending_ ? std::string("before gkm-csi ended, it is tried again")
                       : "within " + std::to_string(waited.count()) + " s";
  // errc::not_found: nothing is mounted and no step is under way, so kubelet may drop the volume.
  auto over = ending_ ? &mount_state::undo : &mount_state::fall_back_or_fail;
  (this->*over)(
      {errc::not_found,
       "'" + request().ref.str() + "' was not ready " + limit + ": " + waiting_for_.reason,
       {}});
}

void mount_state::cancel_wait() {
  ++epoch_;  // a lookup that is under way is for nobody
  stop_waiting();
  undo({errc::cancelled, "The volume was unpublished while it waited for its cache", {}});
}

// -- recording, mounting --------------------------------------------------------------------------

void mount_state::record(volume_record intent) {
  record_ = std::move(intent);
  record_.boot = ports_.host->boot_id();
  record_.created_unix_s = ports_.host->unix_seconds();
  recorded_ = true;
  ports_.volumes->write(record_, back_here<done>([this](const result<done>& outcome) {
                          if (outcome)
                            mount();
                          else
                            undo(outcome.error());
                        }));
}

void mount_state::mount() {
  touched_target_ = true;
  if (is_leaving(request().target)) stop_.request_stop();
  if (ports_.patience.count() > 0) give_up_when_abandoned();
  ports_.volumes->mount(record_, stop_.get_token(),
                        back_here<volume_record>([this](const auto& v) { mounted(v); }));
}

void mount_state::give_up_when_abandoned() {
  auto left = last_publish_ + ports_.patience - self_->clock().now();
  if (left.count() <= 0) return void(stop_.request_stop());
  later(std::chrono::ceil<std::chrono::milliseconds>(left), [this] { give_up_when_abandoned(); });
}

void mount_state::mounted(const result<volume_record>& view) {
  if (view) {
    record_ = *view;
    return confirm();
  }
  bool damaged = view.error().code == errc::corrupt && record_.view != view_kind::empty;
  if (damaged) return wait_for_repair(view.error());
  bool gone = view.error().code == errc::not_found && record_.view != view_kind::empty;
  if (gone)
    collected(view.error());
  else
    fall_back_or_fail(view.error());
}

/// The store checks the digest when it sees this volume's intent, and the agent pulls it again.
void mount_state::wait_for_repair(const error& why) {
  auto pause = std::min<caf::timespan>(first_look_at_repair * (1 << std::min(repairs_++, 6U)),
                                       deadline_ - self_->clock().now());
  if (pause.count() <= 0) return fall_back_or_fail({errc::not_found, why.message, {}});
  waiting_for_ = {why.message};
  later(std::chrono::ceil<std::chrono::milliseconds>(pause), [this] {
    if (is_leaving(request().target)) return cancel_wait();
    look_up_cache();
  });
}

void mount_state::collected(const error& e) {
  if (++collected_ <= collected_max) {
    missing_ = record_.manifest;
    return look_up_cache();
  }
  fall_back_or_fail({errc::not_found, "'" + request().ref.str() + "' is gone: " + e.message, {}});
}

void mount_state::confirm() {
  record_.phase = volume_phase::mounted;
  ports_.volumes->write(record_, back_here<done>([this](const result<done>& outcome) {
                          if (!outcome) return undo(outcome.error());
                          log::info("Mounted", {{"volume", volume_id_},
                                                {"cache", record_.ref.str()},
                                                {"view", to_string(record_.view)},
                                                {"digest", record_.manifest.str()},
                                                {"target", record_.target}});
                          published(record_);
                        }));
}

// -- failing --------------------------------------------------------------------------------------

void mount_state::fall_back_or_fail(const error& e) {
  bool fallen = record_.view == view_kind::empty;
  if (fallen || !may_fall_back(request(), e)) return undo(e);
  record(empty_intent_for(request(), e));
}

/// Leaves nothing, or if that fails a record from which the next publish, unpublish or start will.
void mount_state::undo(const error& e) {
  stop_waiting();
  auto undone = [this, e] { failed(e); };
  auto stuck = [this, e](const error& why) {
    log::error("Cannot undo; the record stays",
               {{"volume", volume_id_}, {"target", request().target}, {"error", why.message}});
    // Kubelet must not take it for gone.
    failed({errc::busy, e.message + "; what was begun cannot be undone yet: " + why.message, {}});
  };
  if (!recorded_) return undone();
  if (!touched_target_) return erase(undone, stuck);
  take_down(request().target, undone, [=, this](const error& why) {
    if (why.code == errc::conflict && record_.phase == volume_phase::intent)
      return erase(undone, stuck);
    stuck(why);
  });
}

/// The caller reports the error: the service in its log, `gkm mount` on the terminal.
void mount_state::failed(const error& e) { published(fail(e)); }

void mount_state::later(std::chrono::milliseconds pause, then what) {
  self_->delayed_send(self_, pause, run_atom_v,
                      continuation{[this, epoch = epoch_, what = std::move(what)] {
                        if (epoch == epoch_) what();
                      }});
}

}  // namespace gkm::csi
