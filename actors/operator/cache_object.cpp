#include "actors/operator/cache_object.hpp"

#include "base/backoff.hpp"
#include "base/program/log.hpp"
#include "messages/actors/here.hpp"
#include "messages/assert.hpp"

#include <algorithm>

namespace gkm::op {
namespace log = base::log;
namespace {

/// Longer than the watch lags behind the answer to a write.
constexpr std::chrono::milliseconds watch_lag{1'000};
/// An image that is resolved within this needs no status before.
constexpr std::chrono::milliseconds quick_resolve{500};
constexpr std::chrono::milliseconds between_looks{20};

}  // namespace

cache_object_state::cache_object_state(cache_object_actor::pointer self, const cluster_ports& ports,
                                       first_view first, uint64_t seed)
    : self_(self),
      ports_(ports),
      chance_(seed),
      seen_(std::move(first.cache)),
      refusal_(std::move(first.refusal)),
      acting_(first.acting),
      namespace_ending_(first.namespace_ending) {
  for (const auto& row : first.nodes) nodes_.set(row);
}

cache_object_state::~cache_object_state() { stop_asking(); }

cache_object_actor::behavior_type cache_object_state::make_behavior() {
  reconcile();
  return {
      [this](changed_atom, const cache_object& cache) { changed(cache); },
      [this](node_atom, const std::vector<node_row>& nodes) {
        for (const auto& row : nodes) nodes_.set(row);
        look_soon();
      },
      [this](limit_atom, const std::string& refusal) {
        refusal_ = refusal;
        reconcile();
      },
      [this](ending_atom, bool ending) {
        namespace_ending_ = ending;
        reconcile();
      },
      [this](act_atom, bool acting) { set_acting(acting); },
      [this](flush_atom, uint64_t epoch) { flush(epoch); },
      [this](withdraw_atom) { self_->quit(); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

// -- what the API has --

/// A write's answer can come before or after the watch tells of it. What the watch tells before it
/// tells of the answer's version is older than that.
void cache_object_state::changed(const cache_object& cache) {
  if (work_.is_busy()) {
    heard_ = cache;
    heard_versions_.insert(cache.object.resource_version);
    return;
  }
  if (!awaited_version_.empty() && cache.object.resource_version != awaited_version_) {
    heard_ = cache;
    return;
  }
  adopt(cache);
  reconcile();
}

void cache_object_state::adopt(const cache_object& cache) {
  // A person's change is tried at once, whatever failed before.
  if (cache.object.generation != seen_.object.generation ||
      cache.admitted_digest != seen_.admitted_digest ||
      cache.object.deleting != seen_.object.deleting) {
    work_.renew();
    resolve_failures_ = 0;
    image_.problem = {};
  }
  seen_ = cache;
  awaited_version_.clear();
  heard_.reset();
}

void cache_object_state::set_acting(bool acting) {
  acting_ = acting;
  work_.renew();
  image_.problem = {};
  reconcile();
}

// -- what is due --

/// Thousands of nodes may speak at once: what they say is judged together.
void cache_object_state::look_soon() {
  if (!acting_ || !work_.may_begin(self_->clock().now()) || look_due_) return;
  auto wait = looked_at_ + between_looks - self_->clock().now();
  if (wait.count() <= 0) return reconcile();
  look_due_ = true;
  self_->delayed_send(self_, wait, run_atom_v, continuation{[this] {
                        look_due_ = false;
                        reconcile();
                      }});
}

void cache_object_state::reconcile() {
  if (!acting_ || !work_.may_begin(self_->clock().now())) return;
  // An accepted write took its finalizer off, which nobody can put back: what the watch still tells
  // of that object is its past.
  if (!released_.empty() && seen_.object.uid == released_) return;
  looked_at_ = self_->clock().now();
  bool served = refusal_.empty();
  if (!served) image_ = {};
  bool known = !served || learn_digest();
  nodes_.set_current(wanted_digest(seen_, image_));
  situation s{seen_,    image_, nodes_, namespace_ending_, ports_.clock.unix_seconds(),
              refusal_, &pods_};
  auto step = finalizer_due(s);
  if (step != finalizer_step::keep) {
    work_.begin();
    step_ = step;
    if (step == finalizer_step::add) return ports_.api.add_finalizer(seen_, answered({}));
    return ports_.api.remove_finalizer(
        seen_, answered({{false, "Deleted", "No node holds it, or none that counts"}}));
  }
  if (seen_.object.deleting) stop_asking();
  // Whoever waits to be deleted for others' sake is no longer ours.
  if (seen_.object.deleting && !has_finalizer(seen_)) return;
  if (seen_.object.deleting && asks_for_pods()) return;
  if (!known && !seen_.object.deleting) {
    resolve();
    if (quick_.lasts(self_->clock().now())) return;
  }
  write_status(s);
}

/// True if there is something to say about the image: its digest, or why there is none.
bool cache_object_state::learn_digest() {
  if (resolved_image_ != seen_.image) {
    stop_asking();
    resolved_image_ = seen_.image;
    image_ = {};
  }
  if (auto pinned = wanted_digest(seen_); !pinned.empty()) {
    image_ = {pinned, {}};
  } else if (image_.resolved.empty() && !seen_.status.resolved.empty() &&
             seen_.status.observed_generation == seen_.object.generation) {
    // The leader before found it.
    image_ = {seen_.status.resolved, {}};
  }
  return !image_.resolved.empty() || image_.problem.code != errc::none;
}

void cache_object_state::resolve() {
  if (question_) return;
  question_.emplace();
  quick_.begin(self_->clock().now(), quick_resolve);
  self_->delayed_send(self_, quick_resolve, run_atom_v, continuation{[this] {
                        if (question_) reconcile();
                      }});
  auto stop = question_->get_token();
  ports_.resolver.resolve(seen_, stop,
                          here<digest>(cache_object_actor(self_),
                                       [this, stop, image = seen_.image](const auto& outcome) {
                                         if (!stop.stop_requested()) resolved(image, outcome);
                                       }));
}

/// The thread that asks is others' then.
void cache_object_state::stop_asking() {
  if (question_) question_->request_stop();
  question_.reset();
}

void cache_object_state::resolved(const std::string& image, const result<digest>& outcome) {
  question_.reset();
  if (image != seen_.image) return reconcile();
  if (outcome) {
    resolve_failures_ = 0;
    image_ = {*outcome, {}};
    return reconcile();
  }
  image_ = {{}, outcome.error()};
  auto pause = base::pause_after(outcome.error(), ++resolve_failures_, chance_());
  log::warn("Cannot resolve an image",
            {{"cache", seen_.ref.str()}, {"image", image}, {"error", outcome.error().message}});
  if (pause) resolve_after(*pause);
  reconcile();
}

/// Whoever changes the cache need not wait for the end of it.
void cache_object_state::resolve_after(std::chrono::milliseconds pause) {
  resolve_pause_.begin(self_->clock().now(), pause);
  self_->delayed_send(self_, pause, run_atom_v, continuation{[this, image = seen_.image] {
                        bool due = !resolve_pause_.lasts(self_->clock().now());
                        if (due && image == seen_.image && image_.resolved.empty() && acting_)
                          resolve();
                      }});
}

/// True while the answer is awaited. Which pods they are is asked when somebody waits for them: to
/// remember the names of all pods of a cluster would cost more than all else.
bool cache_object_state::asks_for_pods() {
  const auto& mounted = nodes_.mounted();
  if (asking_for_pods_) return true;
  if (seen_.ref.is_cluster() || mounted.empty()) {
    pods_.clear();
    pods_asked_.clear();
    return false;
  }
  const auto& c = nodes_.counts();
  auto asked = list_some(mounted) + " " + std::to_string(c.pods_running + c.pods_outdated);
  if (std::exchange(pods_asked_, asked) == asked) return false;
  asking_for_pods_ = true;
  std::vector<std::string> nodes;
  for (size_t i = 0; i < std::min(mounted.first().size(), listed_nodes::shown_max); ++i)
    nodes.push_back(*mounted.first()[i]);
  ports_.api.read_pods(
      seen_.ref, nodes,
      here<std::vector<std::string>>(cache_object_actor(self_), [this](const auto& names) {
        asking_for_pods_ = false;
        pods_ = names.value_or(std::vector<std::string>());
        reconcile();
      }));
  return asking_for_pods_;
}

void cache_object_state::write_status(const situation& s) {
  auto wanted = status_of(s);
  if (wanted == seen_.status || is_written(wanted)) return;
  auto now = self_->clock().now();
  auto weight = weigh(seen_.status, wanted);
  auto pause = pace_.due(now, weight);
  // What the watch told meanwhile must not wait for so long.
  if (pause.count() > 0)
    return come_back(awaited_version_.empty() ? pause : std::min(pause, watch_lag));
  pace_.wrote(now, weight);
  work_.begin();
  GKM_ASSERT(!attempt_ && step_ == finalizer_step::keep);
  attempt_ = wanted;
  ports_.api.write_status(seen_, wanted, answered(events_between(seen_, wanted)));
}

/// True if just this was written and the API made something else of it: it would do so again.
bool cache_object_state::is_written(const cache_object_status& wanted) const {
  if (seen_.object.resource_version != written_version_) return false;
  auto then = written_;
  then.updated_unix_s = wanted.updated_unix_s;
  return then == wanted;
}

// -- what came of it --

answer<cache_object> cache_object_state::answered(std::vector<cache_event> events) {
  heard_versions_ = {seen_.object.resource_version};
  return here<cache_object>(
      cache_object_actor(self_),
      [this, events = std::move(events)](const auto& outcome) { written(outcome, events); });
}

void cache_object_state::written(const result<cache_object>& outcome,
                                 const std::vector<cache_event>& events) {
  auto step = std::exchange(step_, finalizer_step::keep);
  if (!outcome) return failed(outcome.error());
  bool without = !has_finalizer(*outcome);
  if (step == finalizer_step::add && without && !outcome->object.deleting)
    return failed({errc::refused, "somebody else's admission takes its finalizer off again", {}});
  work_.succeeded();
  for (const auto& event : events) ports_.api.record(seen_, event);
  if (attempt_) {
    written_ = *std::exchange(attempt_, std::nullopt);
    written_version_ = outcome->object.resource_version;
  }
  // Of an object that goes with its last finalizer the answer has the version from before.
  if (step == finalizer_step::remove && without) {
    released_ = outcome->object.uid;
    stop_asking();
  }
  catch_up_with(*outcome);
  reconcile();
}

void cache_object_state::catch_up_with(const cache_object& answer) {
  GKM_ASSERT(!work_.is_busy());
  const auto& version = answer.object.resource_version;
  if (heard_versions_.contains(version)) {
    if (heard_) adopt(cache_object(*heard_));
    return;
  }
  adopt(answer);
  awaited_version_ = version;
  come_back(watch_lag);
}

void cache_object_state::failed(const error& e) {
  attempt_.reset();
  if (heard_) adopt(cache_object(*heard_));
  // It is gone: the watch will say so.
  if (e.code == errc::not_found) return work_.gave_up();
  auto next = work_.failed(e, self_->clock().now(), chance_());
  if (next.what == base::upkeep::next::read) return read();
  if (next.is_first)
    log::warn("Cannot write a cache", {{"cache", seen_.ref.str()}, {"error", e.message}});
  come_back(next.pause);
}

/// Somebody else was faster, or an answer was lost and the write was not.
void cache_object_state::read() {
  if (!acting_) return work_.gave_up();
  heard_versions_ = {seen_.object.resource_version};
  ports_.api.read(seen_.ref,
                  here<cache_object>(cache_object_actor(self_), [this](const auto& outcome) {
                    if (!outcome) return failed(outcome.error());
                    work_.gave_up();
                    catch_up_with(*outcome);
                    reconcile();
                  }));
}

void cache_object_state::come_back(std::chrono::milliseconds pause) {
  self_->delayed_send(self_, pause, flush_atom_v, ++epoch_);
}

void cache_object_state::flush(uint64_t epoch) {
  if (epoch != epoch_) return;
  if (!work_.is_busy() && heard_) adopt(cache_object(*heard_));
  reconcile();
}

}  // namespace gkm::op
