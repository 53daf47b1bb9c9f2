#include "tests/support/kube/kube_identities.hpp"

namespace gkm::support {
namespace {

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of("\r\n ") + 1);
  return text;
}

void make_service_account(const kube_server& server, const std::string& name_space,
                          const std::string& name) {
  server.admin().apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: " + name +
                       ", namespace: " + name_space + "}}");
}

}  // namespace

void make_namespace(const kube_server& server, const std::string& name) {
  server.admin().apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + name + "}}");
  make_service_account(server, name, "default");
}

void make_node(const kube_server& server, const std::string& name, const std::string& labels) {
  std::string all = "kubernetes.io/hostname: " + name;
  if (!labels.empty()) all += ", " + labels;
  server.admin().apply("{apiVersion: v1, kind: Node, metadata: {name: " + name + ", labels: {" +
                       all + "}}}");
  server.admin().run({"patch", "node", name, "--subresource=status", "--type=merge", "-p",
                      R"({"status":{"conditions":[{"type":"Ready","status":"True"}]}})"});
}

std::string pod_token(const kube_server& server, const pod_identity& who) {
  auto pod = who.service_account + '-' + who.node;
  make_service_account(server, who.name_space, who.service_account);
  server.admin().apply("{apiVersion: v1, kind: Pod, metadata: {name: " + pod +
                       ", namespace: " + who.name_space + "}, spec: {nodeName: " + who.node +
                       ", serviceAccountName: " + who.service_account +
                       ", containers: [{name: main, image: none}]}}");
  return trimmed(server.admin().run({"create", "token", who.service_account, "-n", who.name_space,
                                     "--bound-object-kind=Pod", "--bound-object-name=" + pod}));
}

std::string account_token(const kube_server& server, const std::string& name_space,
                          const std::string& service_account) {
  make_service_account(server, name_space, service_account);
  return trimmed(server.admin().run({"create", "token", service_account, "-n", name_space}));
}

}  // namespace gkm::support
