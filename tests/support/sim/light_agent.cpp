#include "tests/support/sim/light_agent.hpp"

#include "actors/agent/agent_watch.hpp"
#include "actors/agent/kube_reports.hpp"
#include "actors/agent/metrics.hpp"
#include "actors/agent/node_reporter.hpp"
#include "actors/node/disk/inventory_file.hpp"
#include "actors/node/gpu_actor.hpp"
#include "actors/node/node.hpp"
#include "actors/node/puller.hpp"
#include "actors/node/store.hpp"
#include "actors/node/usage.hpp"
#include "k8s/client.hpp"
#include "k8s/events.hpp"

#include <random>

namespace gkm::support {
namespace {

constexpr uint64_t image_bytes = 1'000;

std::vector<gpu> one_gpu() {
  gpu g;
  g.backend = "hip";
  g.arch = "gfx90a";
  g.name = "AMD Instinct MI250X";
  return {g};
}

k8s::client_options client_options() {
  k8s::client_options options;
  options.user_agent = "gkm-agent/light";
  return options;
}

k8s::recorder_options recorder_options(const std::string& node_name) {
  k8s::recorder_options options;
  options.controller = "gkm.io/agent";
  options.instance = node_name;
  return options;
}

/// No pod uses anything.
class no_volumes : public node::volume_records_port {
public:
  void watch(std::function<void(std::vector<node::volume_record_change>)> changed) override {
    changed({});
  }
};

}  // namespace

void instant_images::resolve(const cache_spec& wanted, const std::vector<gpu>&, std::stop_token,
                             answer<image_plan> reply) {
  const auto& pinned = wanted.image.pinned;
  reply(image_plan{wanted.image, pinned, pinned, image_bytes, image_bytes, {}, {}});
}

void instant_images::fetch(const image_plan& plan, const std::string&,
                           std::function<void(uint64_t, uint64_t)>, std::stop_token,
                           answer<stored_cache> reply) {
  target kernel;
  kernel.backend = "hip";
  kernel.arch = "gfx90a";
  reply(stored_cache{plan.manifest, "triton", 1, image_bytes, {kernel}, {}, 0});
}

void instant_disk::stage(uint64_t, answer<std::string> reply) { reply(std::string("staging/x")); }

void instant_disk::publish(const std::string&, const stored_cache& facts, answer<done> reply) {
  {
    std::lock_guard lock(mutex_);
    store_[facts.manifest] = facts;
  }
  reply(done{});
}

void instant_disk::remove(const digest& manifest, answer<done> reply) {
  {
    std::lock_guard lock(mutex_);
    store_.erase(manifest);
  }
  reply(done{});
}

void instant_disk::write_record(const catalog_record& record, answer<std::string> reply) {
  reply("caches/" + record.ref.name);
}

size_t instant_disk::stored() const {
  std::lock_guard lock(mutex_);
  return store_.size();
}

struct light_agent::parts {
  parts(caf::actor_system& s, k8s::config api, const std::string& name)
      : system(s),
        counted("/nonexistent"),
        client(std::move(api), client_options()),
        events(client, recorder_options(name)),
        reports(client, events, counted, name),
        gpus(one_gpu()) {
    std::random_device chance;
    reporter =
        gkm::spawn<node::node_reporter_state>(system, name, reports, clock, chance(), nullptr);
    auto gpu = gkm::spawn<node::gpu_state>(system, gpus);
    auto store = gkm::spawn<node::store_state>(system, disk);
    auto puller = gkm::spawn<node::puller_state>(system, images, store);
    auto node = gkm::spawn<node::node_state>(
        system, node::cache_peers{puller, store, gpu, reporter, &clock}, chance());
    auto usage = gkm::spawn<node::usage_state>(system, volumes);
    caf::anon_send(usage, caf::subscribe_atom_v, node, store);
    caf::anon_send(reporter, gpus_atom_v, one_gpu(), std::string());
    caf::anon_send(reporter, volumes_synced_atom_v);
    all = {caf::actor_cast<caf::actor>(usage),  caf::actor_cast<caf::actor>(node),
           caf::actor_cast<caf::actor>(puller), caf::actor_cast<caf::actor>(store),
           caf::actor_cast<caf::actor>(gpu),    caf::actor_cast<caf::actor>(reporter)};
    watch = std::make_unique<node::agent_watch>(client, node::agent_watch::readers{node, reporter},
                                                name, "gkm-system", counted);
  }

  /// Ports go after the actors that use them.
  ~parts() {
    watch.reset();
    caf::scoped_actor self(system);
    for (auto& one : all) {
      caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
      self->wait_for(one);
    }
  }

  caf::actor_system& system;
  node::system_clock clock;
  node::metrics counted;
  k8s::client client;
  k8s::event_recorder events;
  node::kube_reports reports;
  node::fixed_inventory gpus;
  no_volumes volumes;
  instant_images images;
  instant_disk disk;
  node_reporter_actor reporter;
  std::vector<caf::actor> all;
  std::unique_ptr<node::agent_watch> watch;
};

light_agent::light_agent(caf::actor_system& system, k8s::config api, const std::string& node_name)
    : parts_(std::make_unique<parts>(system, std::move(api), node_name)) {}

light_agent::~light_agent() = default;

size_t light_agent::stored() const { return parts_->disk.stored(); }

}  // namespace gkm::support
