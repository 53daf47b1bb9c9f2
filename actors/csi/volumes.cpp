#include "actors/csi/volumes.hpp"

#include "actors/csi/arguments.hpp"
#include "base/program/log.hpp"
#include "messages/actors/here.hpp"
#include "messages/assert.hpp"

namespace gkm::csi {
namespace log = base::log;
namespace {

constexpr std::chrono::seconds first_rest{1};
constexpr std::chrono::seconds longest_rest{30};
/// Kubelet gives up earlier. This is for a volume that hangs in the kernel: its actor stays, so
/// that nothing is done to the volume beside it.
constexpr std::chrono::seconds request_limit{longest_wait_s + 300};

}  // namespace

volumes_state::volumes_state(volumes_actor::pointer self, volume_ports ports)
    : self_(self), ports_(ports) {}

volumes_state::~volumes_state() {
  answer_held({errc::unavailable, "gkm-csi is stopping", {}});
  for (auto& [id, c] : children_) caf::anon_send_exit(c.actor, caf::exit_reason::user_shutdown);
}

volumes_actor::behavior_type volumes_state::make_behavior() {
  recover();
  return {
      [this](publish_atom, const publish_request& request) {
        return take<volume_record>({ticket::kind::publish, request.pod_ns}, request.volume_id,
                                   publish_atom_v, request);
      },
      [this](unpublish_atom, const std::string& volume_id, const std::string& target) {
        return take<bool>({ticket::kind::unpublish}, volume_id, unpublish_atom_v, target);
      },
      [this](stats_atom, const std::string& volume_id, const std::string& path) {
        return take<volume_stats>({ticket::kind::stats}, volume_id, stats_atom_v, path);
      },
      [this](ready_atom) { return open_; },
      [this](ending_atom) { end_waits(); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

void volumes_state::end_waits() {
  ending_ = true;
  for (auto& [id, c] : children_) self_->send(c.actor, ending_atom_v);
}

void volumes_state::recover() {
  ports_.volumes->recover(
      here<done>(volumes_actor(self_), [this](const auto& outcome) { recovered(outcome); }));
}

void volumes_state::recovered(const result<done>& outcome) {
  if (!outcome) {
    log::error("Cannot recover volumes", {{"error", outcome.error().message}});
    answer_held({errc::unavailable,
                 "gkm-csi cannot recover what was mounted before: " + outcome.error().message,
                 {}});
    auto rest = std::min(first_rest * (1 << std::min(failures_++, 5U)), longest_rest);
    self_->delayed_send(self_, rest, run_atom_v, continuation{[this] { recover(); }});
    return;
  }
  GKM_ASSERT(!open_);
  open_ = true;
  log::info("Volumes are recovered");
  for (auto& request : std::exchange(held_, {})) request.go_on();
}

void volumes_state::answer_held(const error& e) {
  for (auto& request : std::exchange(held_, {})) request.give_up(e);
}

result<void> volumes_state::admit(const ticket& t) {
  auto full = [](size_t n, const std::string& of) {
    return fail(errc::busy, std::to_string(n) + " " + of + " are under way on this node already");
  };
  switch (t.what) {
    case ticket::kind::publish: {
      if (publishes_.take(t.tenant)) return {};
      auto own = std::to_string(publishes_.taken_by(t.tenant)) + " volumes of namespace '" +
                 t.tenant + "'";
      return fail(errc::unavailable,
                  "No place for one more volume: " + own + ", of " +
                      std::to_string(publishes_.taken()) +
                      " on this node, are being mounted or wait for their caches; it is tried "
                      "again");
    }
    case ticket::kind::unpublish:
      if (unpublishes_ >= unpublishes_max) return full(unpublishes_, "unmounts");
      ++unpublishes_;
      return {};
    case ticket::kind::stats:
      if (measures_ >= measures_max) return full(measures_, "measurements");
      ++measures_;
      return {};
  }
  return {};
}

void volumes_state::leave(const ticket& t) {
  switch (t.what) {
    case ticket::kind::publish:
      return publishes_.leave(t.tenant);
    case ticket::kind::unpublish:
      GKM_ASSERT(unpublishes_ > 0);
      --unpublishes_;
      return;
    case ticket::kind::stats:
      GKM_ASSERT(measures_ > 0);
      --measures_;
  }
}

template <class Answer, class... Ts>
caf::result<Answer> volumes_state::take(const ticket& t, const std::string& volume_id,
                                        const Ts&... message) {
  if (auto admitted = admit(t); !admitted) return to_caf(admitted.error());
  auto reply = self_->template make_response_promise<Answer>();
  if (open_)
    forward<Answer>(reply, t, volume_id, message...);
  else
    held_.push_back({[=, this] { forward<Answer>(reply, t, volume_id, message...); },
                     [=, this](const error& e) mutable {
                       leave(t);
                       reply.deliver(to_caf(e));
                     }});
  return reply;
}

template <class Answer, class... Ts>
void volumes_state::forward(caf::typed_response_promise<Answer> reply, const ticket& t,
                            const std::string& volume_id, const Ts&... message) {
  auto& c = children_[volume_id];
  if (!c.actor) {
    c.actor = gkm::spawn<mount_state>(*self_, volume_id, ports_, waited_.contains(volume_id));
    if (ending_) self_->send(c.actor, ending_atom_v);
  }
  ++c.unanswered;
  auto deliver = [reply](const result<Answer>& outcome) {
    auto promise = reply;
    settle(promise, outcome);
  };
  gkm::ask(self_, c.actor, request_limit, message...)
      .then(
          [=, this](const Answer& a) {
            if (t.what != ticket::kind::stats) waited_.erase(volume_id);
            deliver(a);
            leave(t);
            answered(volume_id);
          },
          [=, this](const caf::error& e) {
            auto why = from_caf(e);
            if (t.what == ticket::kind::publish) remember_wait(volume_id, why.code);
            deliver(fail(std::move(why)));
            leave(t);
            if (e != caf::sec::request_timeout) answered(volume_id);
          });
}

void volumes_state::remember_wait(const std::string& volume_id, errc publish_outcome) {
  if (publish_outcome != errc::not_found) return;
  if (waited_.size() >= waited_max) waited_.clear();
  waited_.insert(volume_id);
}

/// A volume that rests costs nothing: its actor goes with its last answer, by when all of its work
/// is done.
void volumes_state::answered(const std::string& volume_id) {
  auto it = children_.find(volume_id);
  if (it == children_.end() || --it->second.unanswered > 0) return;
  caf::anon_send_exit(it->second.actor, caf::exit_reason::user_shutdown);
  children_.erase(it);
}

}  // namespace gkm::csi
