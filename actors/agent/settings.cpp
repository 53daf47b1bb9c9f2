#include "actors/agent/settings.hpp"

#include "base/program/program_flags.hpp"
#include "base/program/version.hpp"
#include "gpus/inventory.hpp"
#include "messages/names.hpp"
#include "messages/printable.hpp"
#include "messages/pull_secret.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace gkm::node {
namespace {

constexpr int used_wrongly = 2;

constexpr const char* description =
    "Runs GKM on one node of a cluster: has the caches that the cluster wants here, and says so.";

constexpr const char* footer =
    R"(It watches GKMCache and ClusterGKMCache objects and its own Node, extracts the images that their
status names into the state directory, and reports in GKMCacheNode and ClusterGKMCacheNode objects
that are named after the node. gkm-csi mounts from the state directory; what it records there about
pods is reported, too. While the API server is away, what is there stays usable.

It needs no privileges but to write the state directory. GPUs are what gkm-gpu has written to
gpus.json in the run directory; with NO_GPU=true they are simulated, or what --gpu-inventory says.

HTTP: /healthz (it runs) and /readyz (it knows what the cluster wants) at the health address,
/metrics (for Prometheus, names begin with gkm_) at both.

Examples:
  gkm-agent                                            in a pod, with KUBE_NODE_NAME
  NO_GPU=true gkm-agent --node-name worker-1 --kubeconfig ~/.kube/config \
    --state-dir /tmp/gkm --metrics-address "" --health-address ""
                                                       on a developer's machine

Environment:
  KUBE_NODE_NAME     as --node-name
  GKM_NAMESPACE      as --namespace
  GKM_PULL_SECRET_NAMESPACE
                     as --pull-secret-namespace
  NO_GPU             true: GPUs are simulated
  GKM_CONFIG_DIR     as --config-dir
  GKM_STORE_SIZE, GKM_STORE_NAMESPACE_SIZE, GKM_STORE_RESERVE
                     as --store-size and so on; without them gkm.agent.store.size,
                     gkm.agent.store.namespace.size and gkm.agent.store.reserve are followed
  KUBECONFIG         kubeconfig files, separated by ':'
  GKM_LOG, GO_LOG    log level

Signals:
  SIGTERM, SIGINT    end in order; what was begun is gone on with after the next start

Exit codes:
  0 ended by a signal   1 could not start   2 wrong usage   9 another one uses the state directory)";

struct raw {
  settings s;
  uint32_t keep_unneeded_s = unneeded_kept.count();
  std::string state_dir = "/var/lib/gkm";
  std::string run_dir;
  base::log_flags log;
};

void add_cluster_flags(CLI::App& app, settings& s) {
  app.add_option("--node-name", s.node_name, "This node's name in the cluster")
      ->type_name("NAME")
      ->envname("KUBE_NODE_NAME")
      ->required();
  app.add_option("-n,--namespace", s.own_ns, "GKM's own namespace")
      ->type_name("NAME")
      ->envname("GKM_NAMESPACE")
      ->capture_default_str();
  app.add_option("--pull-secret-namespace", s.pull_secret_ns,
                 "Where the operator keeps copies of pull secrets (default: gkm-pull-secrets for "
                 "gkm-system)")
      ->type_name("NAME")
      ->envname("GKM_PULL_SECRET_NAMESPACE");
  app.add_option("--kubeconfig", s.kubeconfig, "How to reach the API server; default as kubectl")
      ->type_name("FILE");
  app.add_option("--context", s.context, "The kubeconfig's context; default its current one")
      ->type_name("NAME");
}

void add_node_flags(CLI::App& app, raw& r) {
  app.add_option("--state-dir", r.state_dir, "Where caches are kept")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--run-dir", r.run_dir,
                 "Records that end with this boot (default: /run/gkm for /var/lib/gkm, else 'run' "
                 "in the state directory)")
      ->type_name("DIR");
  app.add_option("--gpu-inventory", r.s.gpu_inventory, "A file that says which GPUs there are")
      ->type_name("FILE");
  app.add_option("--plain-http", r.s.plain_http_hosts,
                 "A registry that may speak plain HTTP and lie on this node, as host or host:port; "
                 "may be repeated")
      ->type_name("HOST");
  app.add_option("--ca-file", r.s.ca_file, "Authorities of registries, beside the system's (PEM)")
      ->type_name("FILE");
  app.add_option("--registry-ca-dir", r.s.registry_ca_dir,
                 "The ConfigMap gkm-registry-ca as a folder: ca.crt has authorities, too, and is "
                 "followed")
      ->type_name("DIR")
      ->envname("GKM_REGISTRY_CA_DIR");
  app.add_option("--keep-unneeded", r.keep_unneeded_s,
                 "How long an image stays that nothing on this node needs any more, while there is "
                 "space")
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("--metrics-address", r.s.metrics_address, "Where to serve metrics; \"\": nowhere")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--health-address", r.s.health_address, "Where to serve health; \"\": nowhere")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  add_disk_flags(app, r.s.disk, {});
  base::add_log_flags(app, r.log, "gkm.agent.log.level");
}

result<settings> check(raw r) {
  auto& s = r.s;
  if (!cache_ref::make("", s.node_name))
    return fail(errc::invalid_argument, "Node name '" + printable(s.node_name) +
                                            "' is no name that Kubernetes takes for a node");
  auto root = base::parse_directory("--state-dir", r.state_dir);
  if (!root) return fail(root.error());
  s.where = paths::below(*root);
  if (!r.run_dir.empty()) {
    auto run = base::parse_directory("--run-dir", r.run_dir);
    if (!run) return fail(run.error());
    s.where.run = *run;
  }
  if (s.pull_secret_ns.empty()) s.pull_secret_ns = pull_secret_namespace(s.own_ns);
  s.keep_unneeded = std::chrono::seconds(r.keep_unneeded_s);
  s.no_gpu = gpus::no_gpu_mode();
  s.settings_dir = r.log.config_dir;
  auto level = base::start_level(r.log);
  if (!level) return fail(level.error());
  s.log_level = *level;
  s.log_json = r.log.json;
  s.config_dir = r.log.config_dir;
  return s;
}

}  // namespace

command_line read_command_line(int argc, char** argv) {
  CLI::App app(description, "gkm-agent");
  app.footer(footer);
  app.set_version_flag("--version", std::string("gkm-agent ") + base::version());
  raw r;
  r.s.own_ns = names::system_namespace;
  r.s.metrics_address = ":8080";
  r.s.health_address = ":8081";
  add_cluster_flags(app, r.s);
  add_node_flags(app, r);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return {std::nullopt, app.exit(e) == 0 ? 0 : used_wrongly};
  }
  auto checked = check(std::move(r));
  if (checked) return {std::move(*checked), 0};
  std::cerr << "gkm-agent: " << checked.error().message << '\n';
  return {std::nullopt, used_wrongly};
}

}  // namespace gkm::node
