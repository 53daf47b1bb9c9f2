#include "base/base64.hpp"
#include "base/program/program.hpp"
#include "k8s/credentials.hpp"
#include "k8s/objects/patch.hpp"
#include "k8s/objects/time.hpp"
#include "messages/json/json.hpp"

namespace gkm::k8s {
namespace {

constexpr std::chrono::seconds plugin_limit{60};
constexpr size_t max_answer_bytes = 1 << 20;

std::string exec_info(const config& of) {
  draft info;
  info.set({"apiVersion"}, of.identity.exec->api_version).set({"kind"}, "ExecCredential");
  info.set({"spec", "interactive"}, false);
  if (!of.identity.exec->provide_cluster_info) return info.print();
  info.set({"spec", "cluster", "server"}, of.server);
  if (!of.tls_server_name.empty())
    info.set({"spec", "cluster", "tls-server-name"}, of.tls_server_name);
  if (of.skip_verify) info.set({"spec", "cluster", "insecure-skip-tls-verify"}, true);
  if (!of.ca_pem.empty())
    info.set({"spec", "cluster", "certificate-authority-data"}, base::to_base64(of.ca_pem));
  if (!of.proxy_url.empty()) info.set({"spec", "cluster", "proxy-url"}, of.proxy_url);
  return info.print();
}

void read_status(json::reader& status, proof& made) {
  if (auto token = status.text_or("token"); !token.empty()) made.authorization = "Bearer " + token;
  made.client_cert_pem = status.text_or("clientCertificateData");
  made.client_key_pem = status.text_or("clientKeyData");
  if (made.client_cert_pem.empty() != made.client_key_pem.empty())
    status.reject("clientKeyData", "and 'clientCertificateData' belong together");
  if (made.authorization.empty() && made.client_cert_pem.empty())
    status.reject("token", "is missing");
  auto expires = status.text_or("expirationTimestamp");
  if (expires.empty()) return;
  made.expires_unix_s = parse_time(expires);
  if (!made.expires_unix_s) status.reject("expirationTimestamp", "must be a time");
}

}  // namespace

result<proof> ask_plugin(const config& of) {
  const auto& plugin = *of.identity.exec;
  auto step = "Failed to get credentials from plugin '" + plugin.command + "'";
  base::program what{plugin.command, plugin.arguments, plugin.environment};
  what.environment.emplace_back("KUBERNETES_EXEC_INFO", exec_info(of));
  what.time_limit = plugin_limit;
  what.max_output_bytes = max_answer_bytes;
  auto end = base::run_program(what);
  if (!end) {
    auto why = end.error();
    if (why.code == errc::not_found) why.code = errc::unauthorized;
    if (!plugin.install_hint.empty()) why.message += ". " + plugin.install_hint;
    return wrap(why, step);
  }
  if (end->exit_code != 0)
    return fail(errc::unauthorized, step + ": it ended with code " +
                                        std::to_string(end->exit_code) +
                                        "; run it by hand to see why");
  auto made = json::parse_object<proof>(end->output, [&](json::reader& in, proof& p) {
    if (in.text("kind") != "ExecCredential") in.reject("kind", "must be 'ExecCredential'");
    if (in.text("apiVersion") != plugin.api_version)
      in.reject("apiVersion", "must be '" + plugin.api_version + "'");
    in.require("status");
    in.object("status", [&](json::reader status) { read_status(status, p); });
  });
  if (made) return made;
  return fail(errc::unauthorized, step + ": its answer: " + made.error().message);
}

}  // namespace gkm::k8s
