/// `kubectl gkm status`, which is `gkm status --cluster`.
#pragma once

#include "cli/options.hpp"
#include "messages/errors.hpp"

#include <chrono>
#include <string>

namespace CLI {
class App;
}

namespace gkm::cli {

/// As kubectl has them.
struct cluster_options {
  bool asked = false;  ///< for a cluster, in so many words
  bool all_namespaces = false;
  bool watch = false;
  std::string kubeconfig;
  std::string context;
  std::string ns;
  std::string selector;

  /// A cluster is meant: by its name, or by what only a cluster has.
  bool is_cluster() const {
    return asked || !kubeconfig.empty() || !context.empty() || !selector.empty();
  }
  bool names_namespaces() const { return all_namespaces || !ns.empty(); }
};

/// The flags that fill `o`, but for the one that says that a cluster is meant.
void add_cluster_flags(CLI::App& to, cluster_options& o);
/// Those of them that say which cluster, and which namespace.
void add_cluster_place(CLI::App& to, cluster_options& o);
/// What `--help` says below the flags; `command` is how it was called.
std::string cluster_help(const std::string& command);

/// `name`: NAME, NAMESPACE/NAME, or empty for all. Prints to standard output.
result<int> cluster_status(const options& o, const cluster_options& c, const std::string& name);

/// `gkm wait NAME --cluster`: until the cache is ready on its nodes, or the time is over.
result<int> cluster_wait(const cluster_options& c, const std::string& name,
                         std::chrono::seconds at_most);

/// Where a cluster would be looked for, in words; empty if no kubeconfig tells.
std::string cluster_in_reach();

}  // namespace gkm::cli
