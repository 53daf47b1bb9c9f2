#include "actors/node/gpu_actor.hpp"

#include "base/program/log.hpp"
#include "gpus/match.hpp"
#include "messages/assert.hpp"

namespace gkm::node {
namespace log = base::log;

gpu_state::gpu_state(gpu_actor::pointer self, inventory_port& inventory)
    : self_(self), inventory_(inventory) {}

gpu_state::~gpu_state() {
  for (auto& q : waiting_)
    q.reply.deliver(to_caf({errc::cancelled, "The GPU inventory is shutting down", {}}));
}

gpu_actor::behavior_type gpu_state::make_behavior() {
  inventory_.watch([me = gpu_actor(self_), this](result<std::vector<gpu>> seen) {
    caf::anon_send(me, run_atom_v, continuation{[this, seen] { learned(seen); }});
  });
  return {
      [this](match_atom, std::vector<target> targets) { return match(std::move(targets)); },
      [this](caf::subscribe_atom, gpu_listener_actor listener) { subscribe(std::move(listener)); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

caf::result<match_result> gpu_state::match(std::vector<target> targets) {
  if (gpus_) return gpus::match(targets, *gpus_);
  GKM_ASSERT(!gpus_);
  waiting_.push_back({std::move(targets), self_->make_response_promise<match_result>()});
  return waiting_.back().reply;
}

void gpu_state::subscribe(gpu_listener_actor listener) {
  if (gpus_) self_->send(listener, gpus_atom_v, *gpus_);
  if (!problem_.empty()) self_->send(listener, no_gpus_atom_v, problem_);
  listeners_.push_back(std::move(listener));
}

void gpu_state::learned(result<std::vector<gpu>> seen) {
  if (!seen) {
    log::error("GPU inventory cannot be read",
               {{"error", seen.error().message}, {"keeping", gpus_ ? "the one before" : "none"}});
    problem_ = seen.error().message;
    for (const auto& l : listeners_) self_->send(l, no_gpus_atom_v, problem_);
    return;
  }
  bool was_unreadable = !std::exchange(problem_, {}).empty();
  if (gpus_ == *seen && !was_unreadable) return;
  gpus_ = std::move(*seen);
  log::info("GPU inventory", {{"gpus", gpus_->size()}});
  for (auto& q : std::exchange(waiting_, {})) q.reply.deliver(gpus::match(q.targets, *gpus_));
  for (const auto& l : listeners_) self_->send(l, gpus_atom_v, *gpus_);
}

}  // namespace gkm::node
