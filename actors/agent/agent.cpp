#include "actors/agent/agent.hpp"

#include "actors/agent/agent_watch.hpp"
#include "actors/agent/kube_reports.hpp"
#include "actors/agent/metrics.hpp"
#include "actors/agent/node_reporter.hpp"
#include "actors/agent/pull_logins.hpp"
#include "actors/agent/pull_secret_key.hpp"
#include "actors/agent/registry_reach.hpp"
#include "actors/agent/volume_notes.hpp"
#include "actors/node/disk/inventory_file.hpp"
#include "actors/node/disk/state_dir.hpp"
#include "actors/node/disk/volume_record_watch.hpp"
#include "actors/node/images/oci_images.hpp"
#include "actors/node/node_actors.hpp"
#include "base/base64.hpp"
#include "base/program/log.hpp"
#include "base/program/setting_file.hpp"
#include "base/program/version.hpp"
#include "base/sealing.hpp"
#include "gpus/inventory.hpp"
#include "k8s/client.hpp"
#include "k8s/confinement.hpp"
#include "k8s/events.hpp"
#include "net/server/probe_server.hpp"
#include "oci/extract/extract.hpp"
#include "oci/registry/registry_settings.hpp"

#include <random>

namespace gkm::node {
namespace log = base::log;
namespace {

constexpr size_t actor_threads = 2;
constexpr unsigned open_mode = 0755;

std::string user_agent() { return "gkm-agent/" + std::string(base::version()); }

k8s::client_options client_options() {
  k8s::client_options options;
  options.user_agent = user_agent();
  return options;
}

k8s::recorder_options recorder_options(const settings& s) {
  k8s::recorder_options options;
  options.controller = "gkm.io/agent";
  options.instance = s.node_name;
  return options;
}

std::unique_ptr<inventory_port> open_inventory(const settings& s) {
  if (s.no_gpu)
    log::info("No-GPU mode: the GPUs are simulated",
              {{"inventory", s.gpu_inventory.empty() ? "two gfx90a GPUs" : s.gpu_inventory}});
  if (!s.gpu_inventory.empty()) return std::make_unique<inventory_file>(s.gpu_inventory);
  if (s.no_gpu) return std::make_unique<fixed_inventory>(gpus::simulated_inventory());
  return std::make_unique<inventory_file>(s.where.gpus());
}

/// In a pod they are there already, and one of them is another program's.
result<void> make_directories(const paths& where) {
  for (const auto& dir : {where.root, where.volumes()}) {
    std::error_code ignored;
    if (std::filesystem::is_directory(dir, ignored)) continue;
    if (auto made = base::make_directories(dir, open_mode); !made) return made;
  }
  return {};
}

base::file_access own_files(const settings& s) {
  base::file_access files{{s.where.run, s.settings_dir, s.registry_ca_dir}, {s.where.root}};
  files.replaced = {s.ca_file, s.gpu_inventory};
  return files;
}

/// The records of what is mounted on this node, maybe none yet.
result<std::unique_ptr<volume_record_watch>> watch_volumes(const paths& where) {
  auto boot = base::boot_id();
  if (!boot) return fail(boot.error());
  return std::make_unique<volume_record_watch>(where, *boot);
}

k8s::event event_on_pod(const volume_record& record, const volume_note& note) {
  return {{k8s::pods.api_version(),
           std::string(k8s::pods.kind),
           {record.pod_ns, record.pod_name},
           record.pod_uid},
          true,
          note.reason,
          "Mount",
          note.message};
}

/// Everything that runs, in the order in which it is made; the destructor ends it in the other.
class agent {
public:
  agent(const settings& s, k8s::config api, std::unique_ptr<state_dir> state,
        std::unique_ptr<volume_record_watch> volumes, const std::string& pull_secret_key)
      : settings_(s),
        metrics_(s.where.csi_metrics()),
        system_(configured(config_)),
        registries_(user_agent(), {s.plain_http_hosts, s.ca_file}),
        client_(std::make_unique<k8s::client>(std::move(api), client_options())),
        events_(std::make_unique<k8s::event_recorder>(*client_, recorder_options(s))),
        reports_(*client_, *events_, metrics_, s.node_name),
        logins_(*client_, registries_, {s.pull_secret_ns, s.node_name, pull_secret_key}),
        state_(std::move(state)),
        volumes_(std::move(volumes)),
        inventory_(open_inventory(s)) {
    images_ = std::make_unique<oci_images>(
        [this](const std::vector<std::string>& secrets, std::stop_token stop) {
          return logins_.open(secrets, std::move(stop));
        },
        limits_, state_->ledger());
    spawn_actors(pull_secret_key);
    registry_settings_.emplace(oci::registry_settings{s.plain_http_hosts, s.ca_file},
                               s.settings_dir, s.registry_ca_dir,
                               [this](const oci::registry_settings& now) {
                                 registries_.set(now);
                                 // What was refused may be allowed now.
                                 caf::anon_send(actors_->node(), retry_atom_v, cache_ref());
                               });
    shares_.emplace(s.settings_dir, s.disk,
                    [this](const disk_shares& now) { state_->set_shares(now); });
  }

  ~agent() {
    shares_.reset();
    registry_settings_.reset();
    servers_.clear();
    watch_.reset();
    actors_.reset();
    reporter_ = nullptr;
    // Ports hold actors' addresses: they go before the system, and before what they stand on.
    images_.reset();
    volumes_.reset();
    state_.reset();
    inventory_.reset();
    events_.reset();
    client_.reset();
  }

  result<void> start() {
    watch_ =
        std::make_unique<agent_watch>(*client_, agent_watch::readers{actors_->node(), reporter_},
                                      settings_.node_name, settings_.own_ns, metrics_);
    for (const auto& address : {settings_.metrics_address, settings_.health_address}) {
      if (address.empty()) continue;
      auto server = net::probe_server::start(
          address, {[this] { return watch_->has_synced(); }, [this] { return metrics_.print(); }});
      if (!server) return fail(server.error());
      servers_.push_back(std::move(*server));
    }
    return {};
  }

private:
  static caf::actor_system_config& configured(caf::actor_system_config& config) {
    gkm::configure(config, actor_threads);
    return config;
  }

  void spawn_actors(const std::string& pull_secret_key) {
    reporter_ = gkm::spawn<node_reporter_state>(
        system_, settings_.node_name, reports_, clock_, chance_(),
        [this](const node_report& report) { metrics_.reported(report); },
        base::to_base64(base::public_key_of(pull_secret_key).value_or(std::string())));
    node_options options;
    options.seed = chance_();
    options.keep_unneeded = settings_.keep_unneeded;
    options.scrub = scrub_times_for(settings_.disk.scrub_rate);
    options.ledger = state_->ledger();
    options.observe_volumes = [this](const std::vector<volume_record_change>& changes) {
      notes_.update(changes);
      metrics_.set_volumes(notes_.mounted());
    };
    actors_.emplace(system_, node_ports{*images_, *state_, *inventory_, *volumes_, clock_},
                    reporter_, std::move(options), reporter_, reporter_);
  }

  const settings& settings_;
  std::random_device chance_;
  system_clock clock_;
  metrics metrics_;
  caf::actor_system_config config_;
  caf::actor_system system_;
  const oci::extract_limits limits_;
  reachable_registries registries_;
  std::unique_ptr<k8s::client> client_;
  std::unique_ptr<k8s::event_recorder> events_;
  kube_reports reports_;
  pull_logins logins_;
  std::unique_ptr<state_dir> state_;
  std::optional<followed_shares> shares_;
  std::optional<oci::followed_registries> registry_settings_;
  std::unique_ptr<volume_record_watch> volumes_;
  std::unique_ptr<inventory_port> inventory_;
  std::unique_ptr<oci_images> images_;
  volume_notes notes_{clock_, [this](const volume_record& record, const volume_note& note) {
                        events_->record(event_on_pod(record, note));
                      }};
  node_reporter_actor reporter_;
  std::optional<node_actors> actors_;
  std::unique_ptr<agent_watch> watch_;
  std::vector<std::unique_ptr<net::probe_server>> servers_;
};

}  // namespace

result<void> run_agent(const settings& s, const std::function<void()>& wait) {
  auto api = k8s::find_config({s.kubeconfig, s.context});
  if (!api) return fail(api.error());
  if (auto made = make_directories(s.where); !made) return made;
  // Before there is any other thread.
  if (auto confined = k8s::confine_process(*api, own_files(s)); !confined) return confined;
  auto level = base::follow_level(s.config_dir, "gkm.agent.log.level", s.log_level);
  auto state = state_dir::open(s.where, s.disk.over({}));
  if (!state) return fail(state.error());
  (*state)->set_scrub_rate(s.disk.scrub_rate);
  auto volumes = watch_volumes(s.where);
  if (!volumes) return fail(volumes.error());
  auto key = own_pull_secret_key(s.where);
  if (!key) return fail(key.error());
  log::info("Starting", {{"version", base::version()},
                         {"node", s.node_name},
                         {"server", api->server},
                         {"state_dir", s.where.root.string()}});
  agent running(s, std::move(*api), std::move(*state), std::move(*volumes), *key);
  if (auto started = running.start(); !started) return started;
  wait();
  return {};
}

}  // namespace gkm::node
