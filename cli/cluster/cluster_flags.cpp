#include "cli/cluster/cluster_status.hpp"

#include <CLI/CLI.hpp>

namespace gkm::cli {
namespace {

constexpr const char* help_text =
    R"(What is shown: each cache as a whole, then on each node that has, or wants to have it.

  STATUS   of a whole: why it is Ready, or not; of a node: Pending, Extracted, Running (a pod uses
           it), Outdated (a pod uses an earlier image), Error, UnloadError (cannot be removed);
           Gone (with -w: no longer there)
  GPUS     how many can use it, of how many
  PODS     on nodes their names, (old) with an earlier image; -o wide names all
  AGE      for how long it has been so

GKMCaches of one namespace are shown (the context's, or -n), and all ClusterGKMCaches. NAME, or
NAMESPACE/NAME, shows one cache in detail: conditions, digests, reasons of each GPU, pods.

-w goes on with what changes, as it happens: on a terminal the table is drawn again in its place,
else lines that changed are printed.

-o json and yaml, for programs; fields may be added, none is renamed:
  {"caches": [{"kind", "namespace", "name", "image", "resolvedDigest", "ready", "state", "message",
    "deleting", "nodesReady", "nodes", "podsRunning", "podsOutdated",
    "conditions": [{"type", "status", "reason", "message", "since"}],
    "onNodes": [{"node", "state", "ready", "message",
      "digests": [{"digest", "wanted", "state", "reason", "message", "since", "bytes",
        "compatibleGPUs": [ID], "incompatibleGPUs": [{"id", "reason"}],
        "pods": [{"namespace", "name", "volumeId"}]}]}]}],
   "notes": ["what could not be shown, and why"]}

Reading takes what the ClusterRole gkm-view allows, which Kubernetes' own view includes.

Examples:
)";

}  // namespace

void add_cluster_place(CLI::App& to, cluster_options& o) {
  to.add_option("--kubeconfig", o.kubeconfig, "Instead of $KUBECONFIG or ~/.kube/config")
      ->type_name("FILE");
  to.add_option("--context", o.context, "The kubeconfig's context to use")->type_name("NAME");
  to.add_option("-n,--namespace", o.ns, "Of the GKMCaches; the context's if left out")
      ->type_name("NAME");
}

void add_cluster_flags(CLI::App& to, cluster_options& o) {
  add_cluster_place(to, o);
  to.add_flag("-A,--all-namespaces", o.all_namespaces, "GKMCaches of all namespaces");
  to.add_option("-l,--selector", o.selector, "Only caches with these labels: a=b,c!=d")
      ->type_name("LABELS");
  to.add_flag("-w,--watch", o.watch, "Go on with what changes");
}

std::string cluster_help(const std::string& command) {
  std::string text = help_text;
  for (const auto* words : {"", " -A -o wide", " -n team-a vector-add", " -w"})
    text += "  " + command + words + "\n";
  text.pop_back();
  return text;
}

}  // namespace gkm::cli
