#include "actors/csi/volumes.hpp"

#include "actors/csi/arguments.hpp"
#include "base/log.hpp"

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
        return take<volume_record>(request.volume_id, publish_atom_v, request);
      },
      [this](unpublish_atom, const std::string& volume_id, const std::string& target) {
        return take<bool>(volume_id, unpublish_atom_v, target);
      },
      [this](stats_atom, const std::string& volume_id, const std::string& path) {
        return take<volume_stats>(volume_id, stats_atom_v, path);
      },
      [this](probe_atom) { return open_; },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

void volumes_state::recover() {
  ports_.volumes->recover([me = volumes_actor(self_), this](result<done> outcome) {
    caf::anon_send(me, run_atom_v, continuation{[this, outcome] { recovered(outcome); }});
  });
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
  open_ = true;
  log::info("Volumes are recovered");
  for (auto& request : std::exchange(held_, {})) request.go_on();
}

void volumes_state::answer_held(const error& e) {
  for (auto& request : std::exchange(held_, {})) request.give_up(e);
}

template <class Answer, class... Ts>
caf::result<Answer> volumes_state::take(const std::string& volume_id, const Ts&... message) {
  if (requests_ >= requests_max)
    return to_caf({errc::busy,
                   std::to_string(requests_) + " requests are under way on this node already",
                   {}});
  ++requests_;
  auto reply = self_->template make_response_promise<Answer>();
  if (open_)
    forward<Answer>(reply, volume_id, message...);
  else
    held_.push_back({[=, this] { forward<Answer>(reply, volume_id, message...); },
                     [=, this](const error& e) mutable {
                       --requests_;
                       reply.deliver(to_caf(e));
                     }});
  return reply;
}

template <class Answer, class... Ts>
void volumes_state::forward(caf::typed_response_promise<Answer> reply, const std::string& volume_id,
                            const Ts&... message) {
  auto& c = children_[volume_id];
  if (!c.actor) c.actor = gkm::spawn<mount_state>(*self_, volume_id, ports_);
  ++c.unanswered;
  auto deliver = [reply](const result<Answer>& outcome) {
    auto promise = reply;
    settle(promise, outcome);
  };
  gkm::ask(self_, c.actor, request_limit, message...)
      .then(
          [=, this](const Answer& a) {
            deliver(a);
            answered(volume_id);
          },
          [=, this](const caf::error& e) {
            deliver(fail(from_caf(e)));
            if (e == caf::sec::request_timeout)
              --requests_;
            else
              answered(volume_id);
          });
}

/// A volume that rests costs nothing: its actor goes with its last answer, by when all of its work
/// is done.
void volumes_state::answered(const std::string& volume_id) {
  --requests_;
  auto it = children_.find(volume_id);
  if (it == children_.end() || --it->second.unanswered > 0) return;
  caf::anon_send_exit(it->second.actor, caf::exit_reason::user_shutdown);
  children_.erase(it);
}

}  // namespace gkm::csi
