#include "cli/app.hpp"

#include "actors/node/disk/disk_settings.hpp"
#include "actors/node/disk/list_caches.hpp"
#include "base/program/log.hpp"
#include "base/program/version.hpp"
#include "cli/cluster/cluster_status.hpp"
#include "cli/cluster/kubectl_plugin.hpp"
#include "cli/command_words.hpp"
#include "cli/commands.hpp"
#include "cli/completion.hpp"
#include "cli/exit_code.hpp"
#include "cli/mount.hpp"
#include "cli/shared_flags.hpp"
#include "messages/paths.hpp"
#include "messages/quantity.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iostream>

namespace gkm::cli {
namespace {

constexpr const char* footer = R"(Examples:
  gkm pull quay.io/gkm/cache-examples:vector-add-cache-rocm ./cache
  gkm inspect ./cache
  NO_GPU=true gkm up ./caches --state-dir ./state
  gkm status --state-dir ./state -o wide
  gkm status --cluster                  the same as kubectl gkm status
  gkm mount default/vector-add /cache

Environment:
  NO_GPU=true        simulate two gfx90a GPUs
  GKM_LOG, GO_LOG    log level: debug, info, warn, error, off
  DOCKER_CONFIG, REGISTRY_AUTH_FILE   where registry credentials are
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY   proxies
  KUBECONFIG         which cluster is meant, where one is

Exit codes:
  0 done   1 failed   2 wrong usage   3 not found   4 credentials   5 registry or API server
  unreachable, or cache not ready in time   6 damaged or refused image   7 built for other GPUs   8 disk full
  9 state or mount in use   130 interrupted)";

constexpr const char* up_footer = R"(DIR holds YAML files as kubectl takes them:

  apiVersion: gkm.io/v1alpha1
  kind: GKMCache                # or ClusterGKMCache, without a namespace
  metadata:
    name: vector-add
    namespace: default
  spec:
    image: quay.io/gkm/cache-examples:vector-add-cache-rocm

Files may be added, changed and removed while it runs; writing or touching a file asks the
registry again. A file with a mistake is reported and disturbs no other.

Examples:
  gkm up ./caches                       as root, state in /var/lib/gkm
  gkm up ./caches --state-dir ./state   as anybody
  gkm up ./caches --once                until every cache is ready or has failed)";

constexpr const char* mount_footer =
    R"(The directory of PATH must exist; PATH itself is made.

PATH shows what a pod would get: the whole cache, private to this mount. Frameworks may write
there; what they write goes with the mount and is seen nowhere else. Paths inside the cache that
name the machine where it was made are rewritten for PATH. Needs root, as every mount does; with
sudo the mount belongs to the user who called it, and nobody else may use it without --mode.

Examples:
  gkm mount vector-add /cache                  the only cache of that name
  gkm mount default/vector-add /cache --wait 5m   waits while 'gkm up' is still pulling it
  gkm mount vector-add /cache --read-only
  TRITON_CACHE_DIR=/cache python train.py
  gkm unmount /cache)";

const std::string status_footer =
    R"(Without --cluster, --context, --kubeconfig or -l it is this machine's caches that are shown, as
'gkm up' keeps them, and where they are mounted; -w goes on with what changes. With one of these
flags it is a cluster's, as 'kubectl gkm status' shows them. A cache of this machine that is named
and has failed ends this command with the exit code of its error.

-o json has the same form for both (below); a machine is one node of its own name. There each cache
has in addition "warnings", "pulledBytes", "totalBytes", "retryAt" and "mounts", and the whole has
"running" (a 'gkm up' is), "problems": [{"file", "line", "field", "message"}] and "mounts":
[{"path", "kind", "namespace", "name", "digest", "view", "since"}].

Examples:
  gkm status
  gkm status default/vector-add -o yaml
  gkm status -w
  gkm status --cluster

Of a cluster:

)";

constexpr const char* gpus_footer = R"(Who says which GPUs there are, the first of:
  --gpu-inventory FILE
  NO_GPU=true, for two gfx90a GPUs that do not exist
  /run/gkm/gpus.json, which gkm-gpu writes and keeps up to date
  the AMD and NVIDIA drivers, as far as they answer whoever runs this

An inventory file:

  {"gpus": [{"id": 0, "backend": "hip",  "arch": "gfx942", "gpuType": "AMD Instinct MI300X"},
            {"id": 1, "backend": "cuda", "arch": "90",     "gpuType": "NVIDIA H100 80GB HBM3",
             "driverVersion": "570.86", "warpSize": 32}]}

Examples:
  gkm gpus -o wide                      and where they were read from
  NO_GPU=true gkm gpus
  gkm gpus --gpu-inventory gpus.json -o json)";

struct arguments {
  options shared;
  log_flags log;
  cluster_options cluster;
  std::string target;     // DIR, IMAGE or NAME, whatever the subcommand takes
  std::string directory;  // pull's second argument
  std::string timeout = "5m";
  bool once = false;
  node::disk_flags disk;
  mount_options mounted;
};

void add_shared_flags(CLI::App& app, arguments& a) {
  auto& o = a.shared;
  o.state_dir = default_state_dir().string();
  app.add_option("--state-dir", o.state_dir, "Where caches and their state are kept")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--gpu-inventory", o.gpu_inventory,
                 "A file that says which GPUs this machine has (see 'gkm gpus --help')")
      ->type_name("FILE");
  add_output_flag(app, o);
  app.add_option("--plain-http", o.plain_http_hosts,
                 "A registry (host or host:port) that may speak plain HTTP; loopback always may")
      ->type_name("HOST");
  app.add_option("--ca-file", o.ca_file, "Certificates to trust beside the system's own")
      ->type_name("FILE");
  app.add_option("--client-cert", o.client_cert_file, "Client certificate for registries")
      ->type_name("FILE");
  app.add_option("--client-key", o.client_key_file, "Its key")->type_name("FILE");
  app.add_option("--auth-file", o.auth_file, "Registry credentials (Docker's config.json)")
      ->type_name("FILE");
  add_log_flags(app, a.log);
}

using command = std::function<result<int>()>;

/// A namespace is a cluster's only where this machine has no caches of its own.
bool means_cluster(const arguments& a) {
  if (a.cluster.is_cluster()) return true;
  std::error_code ignored;
  return a.cluster.names_namespaces() &&
         !std::filesystem::is_directory(paths::below(a.shared.state_dir).caches(), ignored);
}

result<int> status_of(const arguments& a) {
  if (means_cluster(a)) return cluster_status(a.shared, a.cluster, a.target);
  return status(a.shared, {a.target, a.cluster.ns}, a.cluster.watch);
}

result<int> wait_of(const arguments& a) {
  auto seconds = parse_seconds(a.timeout);
  if (!seconds)
    return fail(errc::invalid_argument,
                "--timeout '" + a.timeout + "' is no time such as 30s or 5m");
  std::chrono::seconds at_most(*seconds);
  if (means_cluster(a)) return cluster_wait(a.cluster, a.target, at_most);
  auto name = a.cluster.ns.empty() || a.target.find('/') != std::string::npos
                  ? a.target
                  : a.cluster.ns + "/" + a.target;
  return wait_for(a.shared, name, at_most);
}

void add_status(CLI::App& app, arguments& a, command& chosen) {
  auto* status_command =
      app.add_subcommand("status", "Show where each cache stands, here or in a cluster");
  status_command->footer(status_footer + cluster_help("gkm status --cluster"));
  status_command->add_option("NAME", a.target, "Only this cache: NAME or NAMESPACE/NAME");
  status_command->add_flag("--cluster", a.cluster.asked, "Of the cluster that kubectl would ask");
  add_cluster_flags(*status_command, a.cluster);
  status_command->callback([&] { chosen = [&] { return status_of(a); }; });

  auto* wait_command = app.add_subcommand("wait", "Wait until a cache is ready");
  wait_command->footer(
      "Ends with 0 as soon as the cache is ready, on this machine or in a cluster; with the exit "
      "code\n"
      "of its error if trying again cannot help; with 5 when the time is over.\n\nExamples:\n"
      "  gkm wait default/vector-add && sudo gkm mount default/vector-add /cache\n"
      "  gkm wait vector-add --timeout 10m\n  gkm wait vector-add -n default --cluster");
  wait_command->add_option("NAME", a.target, "The cache: NAME or NAMESPACE/NAME")->required();
  wait_command->add_option("--timeout", a.timeout, "How long")
      ->type_name("TIME")
      ->capture_default_str();
  wait_command->add_flag("--cluster", a.cluster.asked, "Of the cluster that kubectl would ask");
  add_cluster_place(*wait_command, a.cluster);
  wait_command->callback([&] { chosen = [&] { return wait_of(a); }; });
}

void add_commands(CLI::App& app, arguments& a, command& chosen) {
  auto* up_command = app.add_subcommand("up", "Keep the caches of a directory of YAML files ready");
  up_command->footer(up_footer);
  up_command->add_option("DIR", a.target, "The directory")->required();
  up_command->add_flag("--once", a.once, "End when every cache is ready or has failed");
  node::add_disk_flags(*up_command, a.disk, shares_on_one_machine);
  up_command->callback([&] { chosen = [&] { return up(a.shared, a.target, a.once, a.disk); }; });

  add_status(app, a, chosen);

  auto* mount_command = app.add_subcommand("mount", "Mount a cache at a path, as a pod gets it");
  mount_command->footer(mount_footer);
  auto& m = a.mounted;
  mount_command->add_option("NAME", m.name, "The cache: NAME or NAMESPACE/NAME")->required();
  mount_command
      ->add_option("PATH", m.path, "Where to; absent or an empty directory, in one that exists")
      ->required();
  mount_command->add_flag("--read-only", m.read_only, "Show the cache itself, without a scratch");
  mount_command->add_flag("--copy", m.copy, "Copy the files instead of laying a scratch over them");
  mount_command->add_option("--wait", m.wait, "How long to wait for a cache that is on its way")
      ->type_name("TIME")
      ->capture_default_str();
  mount_command
      ->add_option("--scratch-size", m.scratch_size,
                   "The most that may be written, where the file system has project quotas")
      ->type_name("SIZE")
      ->default_str("10Gi");
  mount_command
      ->add_option("--owner", m.owner, "Whose the mount is; who called (before sudo) if left out")
      ->type_name("USER[:GROUP]");
  mount_command
      ->add_option("--mode", m.mode,
                   "Who may use it: 0700 the owner alone, 0770 the group too, 0777 everybody")
      ->type_name("MODE")
      ->default_str("0700");
  mount_command->callback([&] { chosen = [&] { return mount(a.shared, a.mounted); }; });

  auto* unmount_command =
      app.add_subcommand("unmount", "Unmount a cache; what was written is lost");
  unmount_command->footer("Example:\n  gkm unmount /cache");
  unmount_command->add_option("PATH", m.path, "Where it is mounted")->required();
  unmount_command->callback([&] { chosen = [&] { return unmount(a.shared, a.mounted.path); }; });

  auto* pull_command = app.add_subcommand("pull", "Pull one cache image into a directory");
  pull_command->footer(
      "Everything is verified, and DIR appears whole or not at all. Without DIR it is named after\n"
      "the image. An OCI layout on disk is an image too: oci:PATH[:TAG]. The exit code is 7 if it "
      "was\n"
      "pulled and no GPU of this machine can use it.\n\nExamples:\n"
      "  gkm pull quay.io/gkm/cache-examples:vector-add-cache-rocm ./cache\n"
      "  gkm pull oci:./layout:latest ./cache");
  pull_command->add_option("IMAGE", a.target, "The image")->required();
  pull_command->add_option("DIR", a.directory, "Where to; absent or empty");
  pull_command->callback([&] { chosen = [&] { return pull(a.shared, a.target, a.directory); }; });

  auto* inspect_command = app.add_subcommand(
      "inspect", "Tell what an image claims, or what the kernels of a directory or file say");
  inspect_command->footer(
      "Examples:\n  gkm inspect ~/.triton/cache\n  gkm inspect add_kernel.hsaco\n"
      "  gkm inspect quay.io/gkm/cache-examples:vector-add-cache-rocm -o json");
  inspect_command->add_option("IMAGE|DIR|FILE", a.target, "An image, a directory or a kernel")
      ->required();
  inspect_command->callback([&] { chosen = [&] { return inspect(a.shared, a.target); }; });

  auto* verify_command =
      app.add_subcommand("verify-store", "Compare every byte of the store with what was pulled");
  verify_command->footer(
      "'gkm up' does the same once a day, slowly (--scrub-rate). What is damaged is mounted no "
      "more,\n"
      "and is pulled again when 'gkm up' looks at its cache next: when it starts, when a file of "
      "its\n"
      "directory is written or touched, or when somebody mounts the cache.\n\n"
      "Exit code 6 if something is damaged.\n\nExample:\n  gkm verify-store --state-dir ./state");
  verify_command->callback([&] { chosen = [&] { return verify_store(a.shared); }; });

  auto* gpus_command = app.add_subcommand("gpus", "Show the GPUs that caches are matched against");
  gpus_command->footer(gpus_footer);
  gpus_command->callback([&] { chosen = [&] { return gpus(a.shared); }; });

  auto* completion_command =
      app.add_subcommand("completion", "Print a script that completes gkm's words in a shell");
  completion_command->footer("Example:\n  source <(gkm completion bash)");
  completion_command->add_option("SHELL", a.target, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  auto* names_command = app.add_subcommand("__caches", "What completion asks for")->group("");
  names_command->callback([&] {
    chosen = [&]() -> result<int> {
      for (const auto& ref : node::list_caches(paths::below(a.shared.state_dir)))
        std::cout << (ref.is_cluster() ? ref.name : ref.ns + "/" + ref.name) << '\n';
      return success;
    };
  });
  completion_command->callback([&] {
    chosen = [&]() -> result<int> {
      std::cout << completion_script(app, a.target);
      return success;
    };
  });
}

/// What could not be written was not said.
int finish(int code) {
  errno = 0;
  std::cout.flush();
  if (std::cout && std::fflush(stdout) == 0 && !std::ferror(stdout)) return code;
  std::cerr << "gkm: Cannot write to standard output"
            << (errno ? ": " + std::generic_category().message(errno) : "") << '\n';
  return code == success ? failure : code;
}

int run_gkm(int argc, char** argv) {
  CLI::App app("Gets GPU kernel caches from OCI images to where they are used.", "gkm");
  app.footer(footer);
  app.set_version_flag("--version", std::string("gkm ") + base::version());
  app.require_subcommand(1);
  app.fallthrough();
  arguments a;
  command chosen;
  add_shared_flags(app, a);
  add_commands(app, a, chosen);
  auto words = understand(app, {argv + 1, argv + argc});
  if (!words) return report(words.error());
  try {
    std::reverse(words->begin(), words->end());
    app.parse(std::move(*words));
  } catch (const CLI::ParseError& e) {
    return finish(app.exit(e) == 0 ? success : usage);
  }
  if (auto logging = configure_log(a.log); !logging) return report(logging.error());
  auto name = app.get_subcommands().front()->get_name();
  bool looks_or_mounts = name == "mount" || name == "unmount" || name == "status" || name == "wait";
  if (looks_or_mounts && app.count("--state-dir") == 0) a.shared.state_dir = usual_state_dir();
  a.shared.state_dir = std::filesystem::absolute(a.shared.state_dir).lexically_normal().string();
  base::log::debug(
      "Running",
      {{"version", base::version()}, {"command", name}, {"state_dir", a.shared.state_dir}});
  auto outcome = chosen();
  return finish(outcome ? *outcome : report(outcome.error()));
}

}  // namespace

int run(int argc, char** argv) {
  auto called = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : std::string();
  if (called == plugin_name) return run_plugin(argc, argv);
  if (called == completer_name) {
    std::cout << complete_plugin({argv + 1, argv + argc});
    return success;
  }
  return run_gkm(argc, argv);
}

}  // namespace gkm::cli
