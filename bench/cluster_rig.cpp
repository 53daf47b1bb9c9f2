#include "cluster_rig.hpp"

#include "audit_log.hpp"
#include "figures.hpp"
#include "held_group.hpp"
#include "k8s/config.hpp"
#include "tests/support/build_tree.hpp"
#include "tests/support/kube/kube_identities.hpp"

#include <csignal>

namespace gkm::bench {
namespace fs = std::filesystem;
using namespace support;
namespace {

constexpr auto node_name = "bench-node";

kube_programs programs() {
  auto found = find_kube_programs();
  if (!found) die(found.error());
  return *found;
}

std::string yaml(const cache_ref& cache, const std::string& image) {
  return "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: " + cache.name +
         ", namespace: " + cache.ns + "}, spec: {image: '" + image + "'}}\n";
}

bool answers(uint16_t port) {
  temp_dir out;
  child_process curl({.command = {find_program("curl").value_or("/usr/bin/curl"), "-sf",
                                  "http://127.0.0.1:" + std::to_string(port) + "/readyz"},
                      .environment = basic_environment(),
                      .output = out.path()});
  return curl.wait() == 0;
}

}  // namespace

cluster_rig::cluster_rig(fs::path work, std::string registry)
    : work_(std::move(work)), registry_(std::move(registry)) {
  server_ = std::make_unique<kube_server>(programs(),
                                          kube_server_plan{audit_log::arguments(audit_folder())});
  deploy_gkm(*server_);
  make_namespace(*server_, bench_ns);
  make_node(*server_, node_name);
  agent_kubeconfig_ =
      server_->as("agent", pod_token(*server_, {node_name, "gkm-agent"})).kubeconfig();
  serve_webhooks();
  auto where = k8s::from_kubeconfig({server_->admin().kubeconfig().string(), {}});
  if (!where) die(where.error().message);
  observer_ = std::make_unique<cluster_observer>(std::move(*where));
}

cluster_rig::~cluster_rig() {
  observer_.reset();
  stop_agent();
  operator_.reset();
}

void cluster_rig::serve_webhooks() {
  auto folder = work_ / "certificates";
  fs::create_directories(folder);
  test_ca authority(folder, "webhooks");
  auto files = authority.issue("webhook", "IP:127.0.0.1");
  fs::copy_file(files.certificate, folder / "tls.crt");
  fs::copy_file(files.key, folder / "tls.key");
  fs::copy_file(authority.certificate_file(), folder / "ca.crt");
  auto address = "127.0.0.1:" + std::to_string(webhook_port_.number());
  operator_ = std::make_unique<operator_program>(
      *server_, "operator",
      std::vector<std::string>{"--webhook-address", address, "--cert-dir", folder.string(),
                               "--plain-http", registry_});
  apply_webhooks(*server_, {"https://" + address, {}});
  eventually("the webhooks answer", [&] {
    auto made = server_->admin().ask_with_file(
        {"apply", "--dry-run=server", "-o", "jsonpath={.metadata.annotations}", "-f"},
        yaml({bench_ns, "probe"}, image("small", 0)));
    return made.ok() && made.out.find("resolvedDigest") != std::string::npos;
  });
}

std::string cluster_rig::image(const std::string& name, int tag) const {
  return registry_ + "/bench/" + name + ":r" + std::to_string(tag);
}

void cluster_rig::start_agent(const fs::path& state, const held_group* within) {
  stop_agent();
  state_ = state;
  child_plan plan;
  plan.command = {support::program("gkm-agent"),
                  "--node-name",
                  node_name,
                  "--kubeconfig",
                  agent_kubeconfig_,
                  "--state-dir",
                  state.string(),
                  "--plain-http",
                  registry_,
                  "--metrics-address",
                  "",
                  "--health-address",
                  "127.0.0.1:" + std::to_string(agent_port_.number())};
  plan.environment = basic_environment();
  plan.environment["NO_GPU"] = "true";
  plan.output = work_ / "agent";
  agent_.emplace(plan);
  if (within) within->add(agent_->pid());
  eventually("the agent is ready", [&] { return answers(agent_port_.number()); });
}

void cluster_rig::stop_agent() {
  if (!agent_) return;
  agent_->send_signal(SIGTERM);
  agent_->wait();
  agent_.reset();
}

cluster_observer::clock::time_point cluster_rig::apply(const cache_ref& cache,
                                                       const std::string& image) const {
  static const auto kubectl = programs().kubectl.string();
  auto file = work_ / "apply.yaml";
  write_whole(file, yaml(cache, image));
  run_quietly({kubectl, "--kubeconfig=" + server_->admin().kubeconfig().string(),
               "--cache-dir=" + (work_ / "kubectl").string(), "apply", "-f", file});
  return cluster_observer::clock::now();
}

void cluster_rig::remove(const cache_ref& cache) {
  server_->admin().run({"delete", "gkmcache", cache.name, "-n", cache.ns, "--wait=false"});
  observer_->when(cache, cluster_observer::fact::gone);
  observer_->forget(cache);
}

pid_t cluster_rig::operator_pid() const { return operator_->process().pid(); }
pid_t cluster_rig::agent_pid() const { return agent_->pid(); }

}  // namespace gkm::bench
