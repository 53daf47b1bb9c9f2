#include "actors/operator/admission/admission.hpp"
#include "actors/operator/caches.hpp"
#include "actors/operator/followed_settings.hpp"
#include "actors/operator/kube/kube_api.hpp"
#include "actors/operator/kube/kube_rollouts.hpp"
#include "actors/operator/operator_watch.hpp"
#include "actors/operator/pull_secrets.hpp"
#include "actors/operator/rollouts.hpp"
#include "actors/operator/settings.hpp"
#include "actors/operator/tls/certificate.hpp"
#include "base/files.hpp"
#include "base/program/log.hpp"
#include "base/program/process.hpp"
#include "base/program/version.hpp"
#include "k8s/confinement.hpp"
#include "k8s/lease.hpp"
#include "k8s/objects/time.hpp"
#include "messages/names.hpp"
#include "net/server/probe_server.hpp"
#include "oci/registry/registry_settings.hpp"

#include <unistd.h>

#include <future>
#include <iostream>
#include <mutex>
#include <random>

namespace gkm::op {
namespace log = base::log;
namespace {

constexpr size_t actor_threads = 2;
constexpr std::chrono::seconds resign_limit{5};
constexpr size_t authority_bytes_max = size_t{1} << 20;

struct wall_clock : clock_port {
  int64_t unix_seconds() override { return k8s::now_unix_s(); }
};

log::level first_level(const settings& s) {
  auto level = log::parse_level(s.log_level);
  return level ? *level : log::level_from_environment(log::level::info);
}

k8s::recorder_options recorder_options(const settings& s) {
  k8s::recorder_options options;
  options.instance = s.identity;
  return options;
}

/// What the settings say, read and checked.
struct checked_settings {
  std::vector<net::address_range> denied_addresses;
  client_proof webhook_clients;
};

result<checked_settings> check(const settings& s) {
  checked_settings out;
  for (const auto& text : s.denied_addresses) {
    auto range = net::parse_address_range(text);
    if (!range) return wrap(range.error(), "--deny-addresses");
    out.denied_addresses.push_back(*range);
  }
  if (s.webhook_client_ca.empty()) return out;
  auto authorities = base::read_file(s.webhook_client_ca, authority_bytes_max);
  if (!authorities) return wrap(authorities.error(), "--webhook-client-ca");
  out.webhook_clients = {std::move(*authorities), s.webhook_client_name};
  if (split_certificates(out.webhook_clients.authorities_pem).empty())
    return fail(errc::invalid_argument, "--webhook-client-ca: there is no PEM certificate in '" +
                                            s.webhook_client_ca + "'");
  return out;
}

resolver_options resolver_options_of(const settings& s, const checked_settings& checked) {
  resolver_options options;
  options.denied_addresses = checked.denied_addresses;
  options.own_ns = s.own_ns;
  options.allowed_hosts = s.plain_http_hosts;
  options.ca_file = s.registry_ca_file;
  return options;
}

admission_options admission_options_of(const settings& s, const checked_settings& checked) {
  admission_options options;
  options.server.clients = checked.webhook_clients;
  options.own_ns = s.own_ns;
  options.cert_dir = s.cert_dir;
  options.server.address = s.webhook_address;
  return options;
}

/// Everything that runs, in the order in which it is made; the destructor ends it in the other.
class operator_process {
public:
  operator_process(const settings& s, checked_settings checked, k8s::config where)
      : settings_(s),
        checked_(std::move(checked)),
        system_(configured(config_)),
        client_(std::move(where), {.user_agent = "gkm-operator/" + std::string(base::version())}),
        events_(client_, recorder_options(s)),
        api_(client_, events_, metrics_),
        secrets_port_(client_, metrics_, s.pull_secret_ns),
        rollouts_port_(client_, events_, metrics_, s.own_ns),
        followed_(s, metrics_, first_level(s)),
        resolver_(secrets_of(client_), resolver_options_of(s, checked_)),
        registries_({s.plain_http_hosts, s.registry_ca_file}, {}, s.registry_ca_dir,
                    [this](const oci::registry_settings& now) {
                      resolver_.set_registries(now);
                      resolve_again();
                    }) {
    std::random_device chance;
    secrets_ = gkm::spawn<pull_secrets_state>(system_, secrets_port_, s.own_ns, chance());
    rollouts_ = gkm::spawn<rollouts_state>(system_, rollouts_port_, chance());
    caches_ = gkm::spawn<caches_state>(system_, cluster_ports{api_, resolver_, clock_}, secrets_,
                                       chance());
  }

  ~operator_process() {
    resign();
    servers_.clear();
    admission_.reset();
    watch_.reset();
    caf::anon_send_exit(caches_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(secrets_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(rollouts_, caf::exit_reason::user_shutdown);
    system_.await_all_actors_done();
  }

  result<done> start() {
    watch_ = std::make_unique<operator_watch>(client_, caches_, settings_.own_ns, metrics_,
                                              [this](const config_data& data) {
                                                followed_.take(data);
                                                take_registries(data);
                                                caf::anon_send(rollouts_, changed_atom_v, data);
                                              });
    if (!settings_.webhook_address.empty()) {
      auto webhooks =
          admission::start(client_, resolver_, admission_options_of(settings_, checked_));
      if (!webhooks) return fail(webhooks.error());
      admission_ = std::move(*webhooks);
    }
    for (const auto& address : {settings_.metrics_address, settings_.health_address}) {
      if (address.empty()) continue;
      auto server = net::probe_server::start(
          address, {[this] { return is_ready(); }, [this] { return metrics_.print(); }});
      if (!server) return fail(server.error());
      servers_.push_back(std::move(*server));
    }
    if (settings_.leader_elect) return stand_for_election();
    lead(true);
    return done{};
  }

private:
  static caf::actor_system_config& configured(caf::actor_system_config& config) {
    gkm::configure(config, actor_threads);
    config.add_message_types<caf::id_block::gkm>();
    return config;
  }

  void take_registries(const config_data& data) {
    auto hosts = data.find(oci::plain_http_key);
    if (hosts != data.end()) return registries_.take_hosts(hosts->second);
    registries_.take_hosts(fail(errc::not_found, "gkm-config has no such key"));
  }

  /// What was refused may be allowed now: who begins to lead tries again what had failed.
  void resolve_again() {
    std::lock_guard lock(lead_mutex_);  // else it might say so after somebody else leads
    if (!leading_) return;
    caf::anon_send(caches_, lead_atom_v, false);
    caf::anon_send(caches_, lead_atom_v, true);
  }

  bool is_ready() const { return watch_->has_synced() && (!admission_ || admission_->is_ready()); }

  result<done> stand_for_election() {
    k8s::lease_options options;
    options.lease = {settings_.own_ns, names::gkm_operator};
    options.identity = settings_.identity + "_" + std::to_string(::getpid()) + "_" +
                       std::to_string(k8s::now_unix_us());
    auto election =
        k8s::leader_election::start(client_, options,
                                    {[this] { lead(true); },
                                     [this](const std::string& why) {
                                       log::info("Not the leader any more", {{"why", why}});
                                       lead(false);
                                     }});
    if (!election) return fail(election.error());
    election_ = std::move(*election);
    return done{};
  }

  void lead(bool leading) {
    if (leading) log::info("Leading");
    metrics_.set_leading(leading);
    {
      std::lock_guard lock(lead_mutex_);
      leading_ = leading;
      caf::anon_send(caches_, lead_atom_v, leading);
    }
    caf::anon_send(rollouts_, act_atom_v, leading);
    if (admission_) admission_->lead(leading);
    base::give_back_memory();
  }

  void resign() {
    if (!election_) return;
    auto told = std::make_shared<std::promise<void>>();
    election_->stop([told](const result<done>&) { told->set_value(); });
    if (told->get_future().wait_for(resign_limit) != std::future_status::ready)
      log::warn("The lease could not be given back; it runs out by itself");
    election_.reset();
  }

  const settings& settings_;
  const checked_settings checked_;
  caf::actor_system_config config_;
  caf::actor_system system_;
  metrics metrics_;
  k8s::client client_;
  k8s::event_recorder events_;
  kube_api api_;
  kube_secrets secrets_port_;
  kube_rollouts rollouts_port_;
  followed_settings followed_;
  registry_resolver resolver_;
  std::mutex lead_mutex_;
  bool leading_ = false;
  oci::followed_registries registries_;  // tells the resolver
  wall_clock clock_;
  pull_secrets_actor secrets_;
  rollouts_actor rollouts_;
  caches_actor caches_;
  std::unique_ptr<operator_watch> watch_;
  std::unique_ptr<admission> admission_;
  std::vector<std::unique_ptr<net::probe_server>> servers_;
  std::unique_ptr<k8s::leader_election> election_;
};

int run(const settings& s) {
  base::keep_memory_small();
  base::ending_signals ending;
  log::configure(first_level(s), s.log_json);
  auto where = k8s::find_config({s.kubeconfig, s.context});
  if (!where) {
    std::cerr << "gkm-operator: " << where.error().message << "\n";
    return 1;
  }
  auto checked = check(s);
  if (!checked) {
    std::cerr << "gkm-operator: " << checked.error().message << "\n";
    return 1;
  }
  // Before there is any other thread.
  auto confined =
      k8s::confine_process(*where, {{s.cert_dir, s.registry_ca_dir}, {}, {s.registry_ca_file}});
  if (!confined) {
    std::cerr << "gkm-operator: " << confined.error().message << "\n";
    return 1;
  }
  log::info("Starting", {{"version", base::version()}, {"server", where->server}});
  operator_process process(s, std::move(*checked), std::move(*where));
  if (auto started = process.start(); !started) {
    std::cerr << "gkm-operator: " << started.error().message << "\n";
    return 1;
  }
  ending.wait();
  log::info("Ending");
  return 0;
}

}  // namespace
}  // namespace gkm::op

int main(int argc, char** argv) {
  gkm::op::settings settings;
  if (auto code = gkm::op::parse_command_line(argc, argv, settings)) return *code;
  return gkm::op::run(settings);
}
