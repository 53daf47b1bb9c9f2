#include "actors/csi/services/settings.hpp"

#include "actors/csi/services/scratch_settings.hpp"
#include "actors/csi/services/unix_socket.hpp"
#include "base/program/program_flags.hpp"
#include "base/program/version.hpp"
#include "messages/names.hpp"
#include "messages/paths.hpp"
#include "messages/printable.hpp"
#include "messages/volume.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <map>

namespace gkm::csi {
namespace fs = std::filesystem;
namespace {

constexpr int wrong_usage = 2;
constexpr size_t max_node_id_chars = 253;
constexpr size_t max_quoted_chars = 80;

constexpr const char* description =
    R"text(Mounts GPU kernel caches into pods: the node part of the CSI driver csi.gkm.io.

kubelet calls it through a unix socket, which it registers itself. Caches come from the state
directory, where the agent keeps them; each pod gets a view of its own. It needs CAP_SYS_ADMIN,
and no network.

What pods write into their views lies in the state directory. kubelet counts none of it as
ephemeral-storage, so the --scratch limits bound it: a SIZE is a quantity (20Gi) or a part of that
file system (20%). A request beyond them is refused, and the pod's events name the setting. While a
pod runs, project quotas of ext4 or xfs stop it at its size, but only by accident: who owns a file
may take it out of the quota, unless the pod has hostUsers: false. So what pods wrote is measured
all the time, too. Who wrote more than allowed reads so in the pod's events, and gets no further
volumes on this node where the pod's or the namespace's limit is reached.)text";

constexpr const char* footer = R"text(Examples:
  gkm-csi --node-id "$(hostname)"                       as kubelet's driver on this node
  gkm-csi --kubelet-root /var/lib/k0s/kubelet           where kubelet's root is another
  gkm-csi --endpoint /tmp/csi.sock --registration-dir "" --node-id test --kubelet-root /tmp/pods
                                                        without kubelet
  gkm-csi --probe                                       is the one that runs ready?

SIGTERM ends it in order: calls in flight get a few seconds, mounts stay.

Exit codes:
  0 ended in order, or ready   1 failed, or not ready   2 wrong usage   9 another one runs)text";

struct raw {
  std::string endpoint = "unix:///var/lib/kubelet/plugins/csi-gkm/csi.sock";
  std::string kubelet_root = "/var/lib/kubelet";
  std::string registration_dir;
  bool registration_given = false;
  std::string node_id;
  std::string state_dir = "/var/lib/gkm";
  std::string run_dir;
  base::log_flags log;
  std::map<std::string, std::string> scratch;  ///< by flag
  bool probe = false;
};

void add_flags(CLI::App& app, raw& r) {
  app.add_option("--endpoint", r.endpoint, "The socket to serve on, with or without unix://")
      ->type_name("SOCKET")
      ->envname("CSI_ENDPOINT")
      ->capture_default_str();
  app.add_option("--kubelet-root", r.kubelet_root,
                 "kubelet's root directory; targets must lie below it")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--registration-dir", r.registration_dir,
                 "Where to register; \"\" does not register (default: plugins_registry in "
                 "kubelet's root)")
      ->type_name("DIR");
  app.add_option("--node-id", r.node_id, "This node's name in the cluster")
      ->type_name("NAME")
      ->envname("KUBE_NODE_NAME");
  app.add_option("--state-dir", r.state_dir, "Where the agent keeps caches")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--run-dir", r.run_dir,
                 "Records that end with this boot (default: /run/gkm for /var/lib/gkm, else 'run' "
                 "in the state directory)")
      ->type_name("DIR");
  base::add_log_flags(app, r.log, "gkm.csi.log.level");
  for (const auto& n : scratch_limit_names()) {
    r.scratch[n.flag] = n.standard;
    app.add_option(
           n.flag, r.scratch[n.flag],
           std::string(n.help) + " (default: " + n.key + ", followed, else " + n.standard + ")")
        ->type_name("SIZE");
  }
  app.add_flag("--probe", r.probe, "Ask the one that serves on --endpoint whether it is ready");
}

result<void> read_directories(const raw& r, settings& s) {
  auto root = base::parse_directory("--kubelet-root", r.kubelet_root);
  if (!root) return fail(root.error());
  s.kubelet_root = root->string();
  auto state = base::parse_directory("--state-dir", r.state_dir);
  if (!state) return fail(state.error());
  s.state_dir = *state;
  auto run = base::parse_directory(
      "--run-dir", r.run_dir.empty() ? paths::below(s.state_dir).run.string() : r.run_dir);
  if (!run) return fail(run.error());
  s.run_dir = *run;
  auto registry = r.registration_given ? r.registration_dir : s.kubelet_root + "/plugins_registry";
  if (registry.empty()) return {};
  auto registration = base::parse_directory("--registration-dir", registry);
  if (!registration) return fail(registration.error());
  auto socket =
      parse_endpoint((*registration / (std::string(names::csi_driver) + "-reg.sock")).string());
  if (!socket) return fail(socket.error());
  s.registration = *socket;
  return {};
}

result<void> read_scratch_limits(const raw& r, const CLI::App& app, settings& s) {
  s.scratch_config_dir = r.log.config_dir;
  for (const auto& n : scratch_limit_names()) {
    const auto& text = r.scratch.at(n.flag);
    auto limit = parse_share(text);
    if (!limit)
      return fail(errc::invalid_argument,
                  std::string(n.flag) + " is '" + printable(text, max_quoted_chars) +
                      "': it must be a size such as '20Gi', or a part of the file system such as "
                      "'20%'");
    s.scratch.*n.value = limit;
    if (app.count(n.flag) == 0) s.scratch_keys.emplace_back(n.key);
  }
  return {};
}

result<settings> check(raw r, const CLI::App& app) {
  settings s;
  auto endpoint = parse_endpoint(r.endpoint);
  if (!endpoint) return fail(endpoint.error());
  s.endpoint = *endpoint;
  s.probe = r.probe;
  if (auto read = read_scratch_limits(r, app, s); !read) return fail(read.error());
  auto level = base::start_level(r.log);
  if (!level) return fail(level.error());
  s.log_level = *level;
  s.log_json = r.log.json;
  s.config_dir = r.log.config_dir;
  if (s.probe) return s;
  if (auto read = read_directories(r, s); !read) return fail(read.error());
  if (r.node_id.empty() || r.node_id.size() > max_node_id_chars ||
      printable(r.node_id, max_node_id_chars) != r.node_id)
    return fail(errc::invalid_argument, "Give the node's name, printable and at most " +
                                            std::to_string(max_node_id_chars) +
                                            " characters, with --node-id or in KUBE_NODE_NAME");
  s.node_id = r.node_id;
  return s;
}

}  // namespace

result<fs::path> parse_endpoint(const std::string& text) {
  std::string_view path = text;
  for (std::string_view scheme : {"unix://", "unix:"}) {
    if (!path.starts_with(scheme)) continue;
    path.remove_prefix(scheme.size());
    break;
  }
  if (!is_normal_path(path))
    return fail(errc::invalid_argument,
                "Endpoint '" + printable(text) +
                    "' is not a unix socket's absolute path, for example unix:///run/csi.sock");
  if (path.size() > max_socket_path_bytes)
    return fail(errc::invalid_argument,
                "Socket path '" + printable(path, max_path_chars) + "' has " +
                    std::to_string(path.size()) + " bytes, the kernel takes " +
                    std::to_string(max_socket_path_bytes) + "; use a shorter directory");
  return fs::path(path);
}

command_line read_command_line(int argc, char** argv) {
  CLI::App app(description, "gkm-csi");
  app.footer(footer);
  app.set_version_flag("--version", std::string("gkm-csi ") + base::version());
  raw r;
  add_flags(app, r);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return {std::nullopt, app.exit(e) == 0 ? 0 : wrong_usage};
  }
  r.registration_given = app.count("--registration-dir") > 0;
  auto checked = check(r, app);
  if (checked) return {std::move(*checked), 0};
  std::cerr << "gkm-csi: " << checked.error().message << '\n';
  return {std::nullopt, wrong_usage};
}

}  // namespace gkm::csi
