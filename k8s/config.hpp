/// Where the API server is, and as whom to speak to it.
#pragma once

#include "messages/errors.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gkm::k8s {

/// A program that prints credentials (client.authentication.k8s.io/v1 or v1beta1). It is given no
/// terminal.
struct exec_plugin {
  std::string api_version;
  std::string command;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string install_hint;
  bool provide_cluster_info = false;

  bool operator==(const exec_plugin&) const = default;
};

/// At most one of token, token file, user name and plugin is used, in the order of `kubectl`:
/// file before token, both before a name, all before a plugin.
struct user {
  std::string client_cert_pem;
  std::string client_key_pem;
  std::string token;
  std::filesystem::path token_file;  ///< read again when it may have changed
  std::string username;
  std::string password;
  std::optional<exec_plugin> exec;

  bool operator==(const user&) const = default;
};

struct config {
  std::string server;  ///< "https://10.0.0.1:6443", with a path if there is one, no '/' after
  std::string ca_pem;  ///< trusted instead of the system's; empty: the system's
  bool skip_verify = false;
  std::string tls_server_name;  ///< the name in the server's certificate, if not that in `server`
  std::string proxy_url;
  user identity;
  std::string ns = "default";  ///< where people's commands act if they name none
  std::string origin;          ///< for people: where this was read

  bool operator==(const config&) const = default;
};

/// Where environment variables come from: empty for one that is not set.
using environment = std::function<std::string(const char* name)>;
std::string process_environment(const char* name);

/// As a pod's service account. `root` goes before /var/run/secrets. `errc::not_found` outside of a
/// cluster.
result<config> in_cluster(const environment& env = process_environment,
                          const std::filesystem::path& root = "/");

struct kubeconfig_options {
  std::string file;     ///< empty: those of $KUBECONFIG, else ~/.kube/config
  std::string context;  ///< empty: the current one
};

/// From kubeconfig files, of which the first to name a thing wins. `errc::not_found` if there is no
/// file, `errc::invalid_argument` names the file and the field.
result<config> from_kubeconfig(const kubeconfig_options& options = {},
                               const environment& env = process_environment);

/// A kubeconfig if one is named (by `options` or $KUBECONFIG), else the pod's service account, else
/// ~/.kube/config.
result<config> find_config(const kubeconfig_options& options = {},
                           const environment& env = process_environment,
                           const std::filesystem::path& root = "/");

}  // namespace gkm::k8s
