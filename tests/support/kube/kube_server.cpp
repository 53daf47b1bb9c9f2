#include "tests/support/kube/kube_server.hpp"

#include "tests/support/child_process.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>

namespace gkm::support {
namespace fs = std::filesystem;
namespace {

// Sockets in etcd's folder instead of ports: no other program can take them. etcd wants a port's
// form of name all the same.
constexpr auto client_socket = "unix://client:0";
constexpr auto peer_socket = "unix://peer:0";
constexpr std::chrono::seconds start_limit{120};

/// env(1) enters the folder and becomes the program, so that the sockets lie there.
std::vector<std::string> run_in(const fs::path& folder, const fs::path& program) {
  return {find_program("env").value_or("/usr/bin/env"), "-C", folder.string(), program.string()};
}

}  // namespace

kube_server& kube_server::shared() {
  static kube_server server([] {
    auto programs = find_kube_programs();
    if (!programs) throw std::runtime_error(programs.error());
    return *programs;
  }());
  return server;
}

kube_server::kube_server(kube_programs programs, kube_server_plan plan)
    : programs_(std::move(programs)),
      plan_(std::move(plan)),
      ca_(root_.path(), "test-cluster"),
      serving_(ca_.issue("kube-apiserver", "IP:127.0.0.1,DNS:localhost,DNS:kubernetes")),
      token_signer_(ca_.issue("service-accounts", "DNS:kubernetes")) {
  fs::create_directories(root_ / "etcd");
  start_etcd();
  admin_ = std::make_unique<kubectl>(as_user("admin", {"system:masters"}));
  start();
}

kube_server::~kube_server() = default;

void kube_server::start_etcd() {
  auto command = run_in(root_ / "etcd", programs_.etcd);
  for (const auto& argument :
       {std::string("--data-dir=data"), std::string("--listen-client-urls=") + client_socket,
        std::string("--advertise-client-urls=") + client_socket,
        std::string("--listen-peer-urls=") + peer_socket,
        std::string("--initial-advertise-peer-urls=") + peer_socket,
        std::string("--initial-cluster=default=") + peer_socket, std::string("--logger=zap"),
        std::string("--log-level=warn")})
    command.push_back(argument);
  etcd_ = std::make_unique<child_process>(
      child_plan{std::move(command), basic_environment(), root_ / "log"});
}

std::vector<std::string> kube_server::apiserver_command() const {
  auto command = run_in(root_ / "etcd", programs_.apiserver);
  auto add = [&](const std::string& name, const std::string& value) {
    command.push_back("--" + name + '=' + value);
  };
  add("etcd-servers", client_socket);
  add("bind-address", "127.0.0.1");
  add("advertise-address", "127.0.0.1");
  add("endpoint-reconciler-type", "none");
  add("secure-port", std::to_string(port_.number()));
  add("permit-port-sharing", "true");
  add("cert-dir", (root_ / "certificates").string());
  add("tls-cert-file", serving_.certificate);
  add("tls-private-key-file", serving_.key);
  add("client-ca-file", ca_.certificate_file());
  add("service-account-issuer", "https://kubernetes.default.svc");
  add("service-account-key-file", token_signer_.certificate);
  add("service-account-signing-key-file", token_signer_.key);
  add("service-cluster-ip-range", "10.0.0.0/24");
  add("authorization-mode", "Node,RBAC");
  add("enable-admission-plugins", "NodeRestriction");
  add("allow-privileged", "true");
  // Debian's etcd 3.4 cannot say how far a watch is: each streamed list would wait 3 s for that,
  // and fail. Without the feature the API server refuses it at once.
  add("feature-gates", "WatchList=false");
  command.insert(command.end(), plan_.apiserver_arguments.begin(), plan_.apiserver_arguments.end());
  return command;
}

void kube_server::start() {
  apiserver_ = std::make_unique<child_process>(
      child_plan{apiserver_command(), basic_environment(), root_ / "log"});
  auto ready = [&] { return admin_->ask({"get", "--raw=/readyz"}).ok(); };
  eventually(
      "the API server is ready", [&] { return !apiserver_->is_running() || ready(); }, start_limit);
  if (!apiserver_->is_running() || !etcd_->is_running())
    throw std::runtime_error("the API server ended: " + apiserver_->err() + etcd_->err());
}

void kube_server::stop() {
  apiserver_->send_signal(SIGKILL);
  apiserver_->wait();
}

kubectl kube_server::as(const std::string& name, const std::string& token) const {
  return kubectl_with(name, "{token: \"" + token + "\"}");
}

kubectl kube_server::as_user(const std::string& name, const std::vector<std::string>& groups) {
  auto files = ca_.issue(name, "DNS:" + name, groups);
  return kubectl_with(
      name, "{client-certificate: " + files.certificate + ", client-key: " + files.key + "}");
}

kubectl kube_server::kubectl_with(const std::string& name, const std::string& user_yaml) const {
  auto folder = root_ / "clients" / name;
  fs::create_directories(folder);
  write_whole(folder / "kubeconfig",
              "{apiVersion: v1, kind: Config, current-context: test,\n"
              "clusters: [{name: test, cluster: {server: \"" +
                  url() + "\", certificate-authority: " + ca_file() +
                  "}}],\n"
                  "contexts: [{name: test, context: {cluster: test, user: test}}],\n"
                  "users: [{name: test, user: " +
                  user_yaml + "}]}\n");
  return {programs_.kubectl, folder / "kubeconfig", folder};
}

}  // namespace gkm::support
