#include "actors/operator/settings.hpp"

#include "base/program/version.hpp"
#include "messages/names.hpp"
#include "messages/pull_secret.hpp"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <array>

namespace gkm::op {
namespace {

constexpr int used_wrongly = 2;

constexpr const char* footer =
    R"(Watches GKMCache and ClusterGKMCache objects, tells every node's agent which digest to have, and
gathers what the agents report into the status that 'kubectl get gkmcaches' shows. A cache that is
deleted stays until no node holds it; its Ready condition says what it waits for. A node that left,
that has been NotReady for 5 minutes, or a namespace that is going holds nothing up.

It also answers the admission webhooks: a tag becomes a digest; pods that mount caches are told where. What
needs a cache's pull secrets is resolved a moment later by the leader, or in admission where API servers
prove who they are (--webhook-client-ca).

Several may run: one leads and writes, the others follow along and take over within 15 seconds, at
once if the leader was told to end. Nothing is polled; an idle operator makes no requests.

Inside a cluster it uses its pod's service account; outside, a kubeconfig as kubectl does. Settings in
the ConfigMap 'gkm-config' of its namespace are followed without a restart:
  gkm.operator.log.level           debug, info, warn, error or off, unless --log-level was given
  gkm.agent.image, gkm.csi.image   the images of the DaemonSets gkm-agent and gkm-csi-node
  gkm.nogpu                        true: GPUs are simulated; pods of both DaemonSets are made anew
What is not understood is told in an event on the ConfigMap, and changes nothing.

HTTP, at both addresses: /healthz (it runs), /readyz (its view of the cluster is
complete, and admission can answer), /metrics
(for Prometheus, names begin with gkm_).

Examples:
  gkm-operator                                    in a pod
  gkm-operator --kubeconfig ~/.kube/config --leader-elect=false --metrics-address 127.0.0.1:8080
                                                  on a developer's machine

Environment:
  GKM_NAMESPACE      as --namespace
  GKM_PULL_SECRET_NAMESPACE
                     as --pull-secret-namespace
  POD_NAME           as --identity
  KUBECONFIG         kubeconfig files, separated by ':'
  GKM_LOG, GO_LOG    log level

Signals:
  SIGTERM, SIGINT    give the lease back, finish what was begun, end with 0

Exit codes:
  0 ended by a signal   1 could not start   2 wrong usage)";

std::string host_name() {
  constexpr size_t longest = 256;
  std::array<char, longest> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "gkm-operator";
  return name.data();
}

void add_flags(CLI::App& app, settings& s) {
  app.add_option("--kubeconfig", s.kubeconfig, "How to reach the API server; default as kubectl")
      ->type_name("FILE");
  app.add_option("--context", s.context, "The kubeconfig's context; default its current one")
      ->type_name("NAME");
  app.add_option("-n,--namespace", s.own_ns, "GKM's own namespace")
      ->type_name("NAME")
      ->envname("GKM_NAMESPACE")
      ->capture_default_str();
  app.add_option("--pull-secret-namespace", s.pull_secret_ns,
                 "Where agents find copies of pull secrets, and nothing else is (default: "
                 "gkm-pull-secrets for gkm-system)")
      ->type_name("NAME")
      ->envname("GKM_PULL_SECRET_NAMESPACE");
  app.add_option("--identity", s.identity, "This process's name among those that may lead")
      ->type_name("NAME")
      ->envname("POD_NAME")
      ->capture_default_str();
  app.add_option("--metrics-address", s.metrics_address, "Where to serve metrics; '' for nowhere")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--health-address", s.health_address, "Where to serve health; '' for nowhere")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--webhook-address", s.webhook_address,
                 "Where API servers reach the admission webhooks; '' for nowhere")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option(
         "--cert-dir", s.cert_dir,
         "tls.crt, tls.key and ca.crt for the webhooks, as cert-manager mounts them; default: "
         "made, kept in a Secret and rotated by the operator")
      ->type_name("DIR");
  app.add_option("--plain-http", s.plain_http_hosts,
                 "A registry (host or host:port) that may speak plain HTTP and lie on this machine")
      ->type_name("HOST");
  app.add_option("--registry-ca", s.registry_ca_file,
                 "Certificates of registries to trust beside the system's own")
      ->type_name("FILE");
  app.add_option(
         "--registry-ca-dir", s.registry_ca_dir,
         "The ConfigMap gkm-registry-ca as a folder: ca.crt has such certificates, too, and "
         "is followed")
      ->type_name("DIR")
      ->envname("GKM_REGISTRY_CA_DIR");
  app.add_option("--deny-addresses", s.denied_addresses,
                 "Addresses at which no registry is asked, beside loopback and link-local ones; "
                 "those that --plain-http lists are")
      ->type_name("CIDR,...")
      ->delimiter(',');
  app.add_option("--webhook-client-ca", s.webhook_client_ca,
                 "Who signed the certificates by which API servers prove to be some. Without it "
                 "no Secret is read while somebody calls a webhook")
      ->type_name("FILE");
  app.add_option("--webhook-client-name", s.webhook_client_name,
                 "The common name that such a certificate must have; default any")
      ->type_name("NAME");
  app.add_flag("--leader-elect,!--no-leader-elect", s.leader_elect,
               "Write only while holding the Lease 'gkm-operator'; the default");
  app.add_option("--log-level", s.log_level, "debug, info, warn, error or off")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}));
  app.add_flag("--log-json", s.log_json, "Log as JSON, one object per line");
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, settings& out) {
  CLI::App app("Runs GKM for a cluster: from GKMCache objects to caches on nodes.", "gkm-operator");
  app.footer(footer);
  app.set_version_flag("--version", std::string("gkm-operator ") + base::version());
  out.own_ns = names::system_namespace;
  out.identity = host_name();
  out.metrics_address = ":8080";
  out.health_address = ":8081";
  out.webhook_address = ":9443";
  add_flags(app, out);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : used_wrongly;
  }
  if (out.pull_secret_ns.empty()) out.pull_secret_ns = pull_secret_namespace(out.own_ns);
  return std::nullopt;
}

}  // namespace gkm::op
