#include "base/files.hpp"
#include "base/text.hpp"
#include "k8s/config.hpp"

#include <cstdlib>

namespace gkm::k8s {
namespace {

constexpr const char* account_dir = "var/run/secrets/kubernetes.io/serviceaccount";
constexpr size_t max_ca_bytes = 1 << 20;
constexpr size_t max_namespace_bytes = 256;

}  // namespace

std::string process_environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

result<config> in_cluster(const environment& env, const std::filesystem::path& root) {
  auto host = env("KUBERNETES_SERVICE_HOST");
  auto port = env("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty())
    return fail(errc::not_found,
                "this is no pod of a cluster: KUBERNETES_SERVICE_HOST and "
                "KUBERNETES_SERVICE_PORT are not set");
  auto dir = root / account_dir;
  config c;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  c.server = "https://" + host + ":" + port;
  c.identity.token_file = dir / "token";
  c.origin = dir.string();
  auto step = "Failed to read the pod's service account";
  auto ca = base::read_file(dir / "ca.crt", max_ca_bytes);
  if (!ca) return wrap(ca.error(), step);
  c.ca_pem = std::move(*ca);
  auto ns = base::read_file(dir / "namespace", max_namespace_bytes);
  if (!ns) return wrap(ns.error(), step);
  if (auto name = std::string(base::trimmed(*ns)); !name.empty()) c.ns = std::move(name);
  return c;
}

result<config> find_config(const kubeconfig_options& options, const environment& env,
                           const std::filesystem::path& root) {
  bool named = !options.file.empty() || !options.context.empty() || !env("KUBECONFIG").empty();
  if (!named && !env("KUBERNETES_SERVICE_HOST").empty()) return in_cluster(env, root);
  return from_kubeconfig(options, env);
}

}  // namespace gkm::k8s
