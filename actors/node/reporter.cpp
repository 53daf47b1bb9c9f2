#include "actors/node/reporter.hpp"

#include "base/program/log.hpp"
#include "messages/actors/here.hpp"

namespace gkm::node {
namespace log = base::log;
namespace {

constexpr std::chrono::milliseconds between_writes{1'000};
constexpr uint64_t no_spread = 0;

}  // namespace

reporter_state::reporter_state(reporter_actor::pointer self, status_port& port, observer observe)
    : self_(self), port_(port), observe_(std::move(observe)) {}

reporter_state::~reporter_state() {
  for (const auto& [ref, e] : entries_) {
    if (e.retracted)
      port_.erase(ref, [](const result<done>&) {});
    else if (e.next)
      port_.write(*e.next, [](const result<done>&) {});
  }
}

reporter_actor::behavior_type reporter_state::make_behavior() {
  return {
      [this](report_atom, const cache_status& status) { report(status); },
      [this](retract_atom, const cache_ref& ref) { retract(ref); },
      [this](flush_atom, const cache_ref& ref) { flush(ref); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

void reporter_state::report(const cache_status& status) {
  if (observe_) observe_(status);
  auto& e = entries_[status.ref];
  e.next = status;
  e.retracted = false;
  proceed(status.ref);
}

void reporter_state::retract(const cache_ref& ref) {
  auto& e = entries_[ref];
  e.next.reset();
  e.retracted = true;
  proceed(ref);
}

void reporter_state::proceed(const cache_ref& ref) {
  auto& e = entries_[ref];
  if (!e.work.may_begin(self_->clock().now())) return;
  if (e.retracted) {
    e.work.begin();
    port_.erase(ref, here<done>(reporter_actor(self_),
                                [this, ref](const auto& outcome) { erased(ref, outcome); }));
  } else if (e.next) {
    e.work.begin();
    auto what = *std::exchange(e.next, std::nullopt);
    port_.write(what, here<done>(reporter_actor(self_), [this, what](const auto& outcome) {
                  written(what.ref, what, outcome);
                }));
  }
}

void reporter_state::written(const cache_ref& ref, const cache_status& what,
                             const result<done>& outcome) {
  auto& e = entries_[ref];
  if (!outcome) {
    if (!e.next && !e.retracted) e.next = what;
    return failed(ref, outcome.error(), "Cannot write status");
  }
  e.work.succeeded();
  e.work.rest(self_->clock().now(), between_writes);
  self_->delayed_send(self_, between_writes, flush_atom_v, ref);
}

void reporter_state::erased(const cache_ref& ref, const result<done>& outcome) {
  auto& e = entries_[ref];
  if (!outcome) return failed(ref, outcome.error(), "Cannot remove status");
  e.work.succeeded();
  if (e.retracted)
    entries_.erase(ref);
  else
    proceed(ref);
}

void reporter_state::failed(const cache_ref& ref, const error& why, const char* text) {
  auto next = entries_[ref].work.failed(why, self_->clock().now(), no_spread);
  if (next.is_first) log::warn(text, {{"cache", ref.str()}, {"error", why.message}});
  self_->delayed_send(self_, next.pause, flush_atom_v, ref);
}

void reporter_state::flush(const cache_ref& ref) {
  auto it = entries_.find(ref);
  if (it == entries_.end()) return;
  const auto& e = it->second;
  if (e.next || e.retracted)
    proceed(ref);
  else if (e.work.may_begin(self_->clock().now()) && !e.work.has_failed())
    entries_.erase(it);
}

}  // namespace gkm::node
