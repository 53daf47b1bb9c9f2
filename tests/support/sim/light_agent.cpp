#include "tests/support/sim/light_agent.hpp"

#include "actors/agent/agent_watch.hpp"
#include "actors/agent/kube_reports.hpp"
#include "actors/agent/metrics.hpp"
#include "actors/agent/node_reporter.hpp"
#include "actors/node/disk/inventory_file.hpp"
#include "actors/node/node_actors.hpp"
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

void instant_disk::commit(const std::string&, const stored_cache& facts, answer<done> reply) {
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
    node::node_options options;
    options.seed = chance();
    actors.emplace(system, node::node_ports{images, disk, gpus, volumes, clock}, reporter,
                   std::move(options), reporter, reporter);
    watch = std::make_unique<node::agent_watch>(
        client, node::agent_watch::readers{actors->node(), reporter}, name, "gkm-system", counted);
  }

  /// Ports go after the actors that use them.
  ~parts() {
    watch.reset();
    actors.reset();
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
  std::optional<node::node_actors> actors;
  std::unique_ptr<node::agent_watch> watch;
};

light_agent::light_agent(caf::actor_system& system, k8s::config api, const std::string& node_name)
    : parts_(std::make_unique<parts>(system, std::move(api), node_name)) {}

light_agent::~light_agent() = default;

size_t light_agent::stored() const { return parts_->disk.stored(); }

}  // namespace gkm::support
