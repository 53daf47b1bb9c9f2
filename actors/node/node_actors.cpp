#include "actors/node/node_actors.hpp"

#include "actors/node/gpu_actor.hpp"
#include "actors/node/node.hpp"
#include "actors/node/puller.hpp"

namespace gkm::node {

node_actors::node_actors(caf::actor_system& system, const node_ports& ports,
                         reporter_actor reporter, node_options options,
                         const volume_listener_actor& volume_listener,
                         const gpu_listener_actor& gpu_listener)
    : system_(system) {
  auto gpu = gkm::spawn<gpu_state>(system, ports.inventory);
  auto store = gkm::spawn<store_state>(system, ports.disk, options.keep_unneeded,
                                       std::move(options.ledger), options.scrub);
  auto puller = gkm::spawn<puller_state>(system, ports.images, store);
  node_ = gkm::spawn<node_state>(system, cache_peers{puller, store, gpu, reporter, &ports.clock},
                                 options.seed);
  auto usage =
      gkm::spawn<usage_state>(system, ports.volumes, store, std::move(options.observe_volumes));
  caf::anon_send(usage, caf::subscribe_atom_v, volume_listener_actor(node_));
  if (volume_listener) caf::anon_send(usage, caf::subscribe_atom_v, volume_listener);
  if (gpu_listener) caf::anon_send(gpu, caf::subscribe_atom_v, gpu_listener);
  all_ = {caf::actor_cast<caf::actor>(usage),  caf::actor_cast<caf::actor>(node_),
          caf::actor_cast<caf::actor>(puller), caf::actor_cast<caf::actor>(store),
          caf::actor_cast<caf::actor>(gpu),    caf::actor_cast<caf::actor>(reporter)};
}

void node_actors::end() {
  node_ = nullptr;
  if (all_.empty()) return;
  caf::scoped_actor self(system_);
  for (const auto& one : std::exchange(all_, {})) {
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    self->wait_for(one);
  }
}

void node_actors::kill() {
  node_ = nullptr;
  for (const auto& one : std::exchange(all_, {})) caf::anon_send_exit(one, caf::exit_reason::kill);
}

}  // namespace gkm::node
