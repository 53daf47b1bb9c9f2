#include "actors/node/gpu_actor.hpp"

#include "base/program/log.hpp"
#include "gpus/match.hpp"

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
      [this](caf::subscribe_atom, node_actor node) { subscribe(std::move(node)); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

caf::result<match_result> gpu_state::match(std::vector<target> targets) {
  if (gpus_) return gpus::match(targets, *gpus_);
  waiting_.push_back({std::move(targets), self_->make_response_promise<match_result>()});
  return waiting_.back().reply;
}

void gpu_state::subscribe(node_actor node) {
  subscriber_ = std::move(node);
  if (gpus_) self_->send(subscriber_, gpus_atom_v, *gpus_);
}

void gpu_state::learned(result<std::vector<gpu>> seen) {
  if (!seen) {
    log::error("GPU inventory cannot be read",
               {{"error", seen.error().message}, {"keeping", gpus_ ? "the one before" : "none"}});
    return;
  }
  if (gpus_ == *seen) return;
  gpus_ = std::move(*seen);
  log::info("GPU inventory", {{"gpus", gpus_->size()}});
  for (auto& q : std::exchange(waiting_, {})) q.reply.deliver(gpus::match(q.targets, *gpus_));
  if (subscriber_) self_->send(subscriber_, gpus_atom_v, *gpus_);
}

}  // namespace gkm::node
