#include "tests/support/kube/cluster_node.hpp"

#include "tests/support/build_tree.hpp"

#include <sys/mount.h>

#include <fstream>

namespace gkm::support {
namespace fs = std::filesystem;

cluster_node::cluster_node(kube_server& server, const std::string& name,
                           const std::string& registry, const std::string& labels)
    : server_(server),
      agent_(server, name, labels),
      kubelet_(server.admin(), name, kubelet_root(), [this]() -> csi_client& { return *client_; }) {
  agent_.allow(registry);
  fs::create_directories(kubelet_root());
  // Taken away as a whole at the end: nothing is deleted through a mount that was left.
  EXPECT_EQ(::mount("none", kubelet_root().c_str(), "tmpfs", 0, "mode=0755"), 0);
  fs::create_directory(kubelet_root() / "plugins_registry");
}

cluster_node::~cluster_node() {
  csi_.reset();
  ::umount2(kubelet_root().c_str(), MNT_DETACH);
  if (agent_.is_started()) agent_.kill();
  // As the controllers of a cluster would.
  const auto& admin = server_.admin();
  admin.ask({"delete", "node", name(), "--ignore-not-found"});
  admin.ask({"delete", "clustergkmcachenode", name(), "--ignore-not-found"});
  admin.ask({"delete", "gkmcachenodes", "-A", "-l", "kubernetes.io/hostname=" + name()});
}

void cluster_node::start(std::vector<std::string> agent_flags) {
  agent_.start(std::move(agent_flags));
  start_csi();
}

void cluster_node::start_csi() {
  std::vector<std::string> command{
      program("gkm-csi"), "--endpoint", endpoint(), "--kubelet-root", kubelet_root(), "--state-dir",
      where().root,       "--node-id",  name(),     "--log-level",    "debug"};
  csi_.emplace(child_plan{std::move(command), basic_environment(), agent_.folder() / "output"});
  client_.emplace(endpoint());
  bool ready =
      eventually("gkm-csi serves", [&] { return !csi_->is_running() || client_->is_ready(); });
  if (!ready || !csi_->is_running()) ADD_FAILURE() << csi_->err();
}

void cluster_node::kill_csi() {
  csi_->send_signal(SIGKILL);
  csi_->wait();
}

std::vector<std::string> cluster_node::stored() const {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator it(where().store(), failed), end; !failed && it != end; ++it)
    names.push_back(it->path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

size_t cluster_node::mounts() const {
  std::ifstream table("/proc/self/mountinfo");
  size_t n = 0;
  for (std::string line; std::getline(table, line);)
    n += line.find((kubelet_root() / "pods").string()) != std::string::npos ? 1 : 0;
  return n;
}

std::string cluster_node::metrics() const {
  auto answer = child_process(
      {.command = {find_program("curl").value_or("/usr/bin/curl"), "-sf",
                   "http://127.0.0.1:" + std::to_string(agent_.health_port()) + "/metrics"},
       .environment = basic_environment(),
       .output = agent_.folder() / "output"});
  return answer.wait() == 0 ? answer.out() : "";
}

}  // namespace gkm::support
