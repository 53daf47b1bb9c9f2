#include "cli/cluster/kubectl_plugin.hpp"

#include "base/program/version.hpp"
#include "cli/cluster/cluster_status.hpp"
#include "cli/exit_code.hpp"
#include "cli/shared_flags.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

namespace gkm::cli {
namespace {

constexpr const char* footer = R"(Example:
  kubectl gkm status -A

What is installed beside it as 'gkm' has the commands for machines without a cluster.

Exit codes:
  0 done   1 failed   2 wrong usage   3 no such cache, kubeconfig or GKM in the cluster
  4 not allowed, or wrong credentials   5 API server unreachable)";

struct arguments {
  options shared;
  log_flags log;
  cluster_options cluster;
  std::string name;
};

void describe(CLI::App& app, arguments& a) {
  app.footer(footer);
  app.set_version_flag("--version", std::string("gkm ") + base::version());
  app.require_subcommand(1);
  app.fallthrough();
  add_log_flags(app, a.log);
  auto* status = app.add_subcommand("status", "Show where each cache stands, on which nodes");
  // kubectl's users write flags before the command, too; its help is where they look for them.
  for (auto* to : {&app, status}) {
    add_cluster_flags(*to, a.cluster);
    add_output_flag(*to, a.shared);
  }
  status->add_option("NAME", a.name, "Only this cache: NAME or NAMESPACE/NAME");
  status->footer(cluster_help("kubectl gkm status"));
}

std::string names_of(const CLI::App& app) {
  std::string names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names += "--" + name + "\n";
    for (const auto& name : option->get_snames()) names += "-" + name + "\n";
  }
  return names;
}

}  // namespace

int run_plugin(int argc, char** argv) {
  CLI::App app("Shows GPU kernel caches of a cluster.", "kubectl gkm");
  arguments a;
  describe(app, a);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? success : usage;
  }
  auto logging = configure_log(a.log);
  if (!logging) return report(logging.error());
  a.cluster.asked = true;
  auto outcome = cluster_status(a.shared, a.cluster, a.name);
  return outcome ? *outcome : report(outcome.error());
}

std::string complete_plugin(const std::vector<std::string>& words) {
  CLI::App app;
  arguments a;
  describe(app, a);
  auto begun = words.empty() ? std::string() : words.back();
  auto before = words.size() < 2 ? std::string() : words[words.size() - 2];
  auto* status = app.get_subcommand("status");
  bool has_command = std::find(words.begin(), words.end(), status->get_name()) != words.end();
  std::string choices;
  if (before == "-o" || before == "--output")
    choices = "table\nwide\njson\nyaml\n";
  else if (begun.starts_with("-"))
    choices = names_of(app);
  else if (!has_command)
    choices = status->get_name() + "\t" + status->get_description() + "\n";
  std::istringstream all(choices);
  std::string fitting;
  for (std::string line; std::getline(all, line);)
    if (line.starts_with(begun)) fitting += line + "\n";
  return fitting + ":4\n";
}

}  // namespace gkm::cli
