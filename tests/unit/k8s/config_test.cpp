#include "k8s/config.hpp"

#include "base/base64.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

namespace gkm::k8s {
namespace {

namespace fs = std::filesystem;

class configuration : public ::testing::Test {
protected:
  fs::path write(const std::string& name, const std::string& text) {
    auto path = dir_.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
  }

  environment env() {
    return [this](const char* name) { return variables_[name]; };
  }

  result<config> read(const std::string& text, const std::string& context = "") {
    kubeconfig_options o;
    o.file = write("config", text).string();
    o.context = context;
    return from_kubeconfig(o, env());
  }

  support::temp_dir dir_;
  std::map<std::string, std::string> variables_;
};

const std::string usual = R"(
apiVersion: v1
kind: Config
current-context: here
contexts:
- name: here
  context: {cluster: c, user: u, namespace: team}
- name: there
  context: {cluster: d, user: v}
clusters:
- name: c
  cluster:
    server: https://10.0.0.1:6443/
    certificate-authority: ca.pem
    tls-server-name: api.example
    proxy-url: http://proxy:3128
- name: d
  cluster: {server: "https://d", insecure-skip-tls-verify: true}
users:
- name: u
  user: {token: secret}
- name: v
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: ./bin/plugin
      args: [get, token]
      env: [{name: A, value: b}]
      installHint: install it
      interactiveMode: IfAvailable
      provideClusterInfo: true
)";

}  // namespace

TEST_F(configuration, of_a_pod) {
  variables_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT", "443"}};
  const std::string account = "var/run/secrets/kubernetes.io/serviceaccount/";
  EXPECT_EQ(in_cluster(env(), dir_.path()).error().code, errc::not_found);
  write(account + "ca.crt", "CA");
  write(account + "namespace", "gkm-system\n");
  auto c = in_cluster(env(), dir_.path());
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->server, "https://10.96.0.1:443");
  EXPECT_EQ(c->ca_pem, "CA");
  EXPECT_EQ(c->ns, "gkm-system");
  EXPECT_EQ(c->identity.token_file, dir_.path() / account / "token");
  variables_["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  EXPECT_EQ(in_cluster(env(), dir_.path())->server, "https://[fd00::1]:443");
  EXPECT_EQ(find_config({}, env(), dir_.path())->server, "https://[fd00::1]:443");
}

TEST_F(configuration, outside_of_a_pod_says_so) {
  auto c = in_cluster(env(), dir_.path());
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().code, errc::not_found);
}

TEST_F(configuration, of_the_current_context) {
  write("ca.pem", "CA");
  auto c = read(usual);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->server, "https://10.0.0.1:6443");
  EXPECT_EQ(c->ca_pem, "CA");
  EXPECT_EQ(c->tls_server_name, "api.example");
  EXPECT_EQ(c->proxy_url, "http://proxy:3128");
  EXPECT_EQ(c->identity.token, "secret");
  EXPECT_EQ(c->ns, "team");
  EXPECT_NE(c->origin.find("'here'"), std::string::npos);
}

TEST_F(configuration, of_a_named_context_with_a_plugin) {
  auto c = read(usual, "there");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_TRUE(c->skip_verify);
  EXPECT_EQ(c->ns, "default");
  ASSERT_TRUE(c->identity.exec);
  EXPECT_EQ(c->identity.exec->command, (dir_.path() / "./bin/plugin").string());
  EXPECT_EQ(c->identity.exec->arguments, (std::vector<std::string>{"get", "token"}));
  EXPECT_EQ(c->identity.exec->environment.at(0).second, "b");
  EXPECT_TRUE(c->identity.exec->provide_cluster_info);
}

TEST_F(configuration, data_in_place_beats_files) {
  auto data = base::to_base64("in place");
  auto c = read(
      "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
      "clusters: [{name: c, cluster: {server: 'https://c', certificate-authority: no, "
      "certificate-authority-data: " +
      data +
      "}}]\n"
      "users: [{name: u, user: {client-certificate-data: " +
      data + ", client-key-data: " + data + "}}]\n");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->ca_pem, "in place");
  EXPECT_EQ(c->identity.client_cert_pem, "in place");
  EXPECT_EQ(c->identity.client_key_pem, "in place");
}

TEST_F(configuration, of_several_files_the_first_to_say_it_wins) {
  auto a = write("a", "contexts: [{name: x, context: {cluster: c}}]\n");
  auto b = write("b",
                 "current-context: x\nclusters: [{name: c, cluster: {server: 'https://b'}}]\n"
                 "contexts: [{name: x, context: {cluster: other}}]\n");
  variables_["KUBECONFIG"] = a.string() + "::" + (dir_.path() / "none").string() + ":" + b.string();
  auto c = from_kubeconfig({}, env());
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->server, "https://b");
  variables_ = {{"HOME", dir_.path().string()}};
  write(".kube/config", usual);
  EXPECT_EQ(from_kubeconfig({"", "there"}, env())->server, "https://d");
}

TEST_F(configuration, without_any_file_says_where_it_looked) {
  variables_["KUBECONFIG"] = "/nowhere/config";
  auto c = find_config({}, env(), dir_.path());
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().code, errc::not_found);
  EXPECT_NE(c.error().message.find("'/nowhere/config'"), std::string::npos);
}

TEST_F(configuration, names_file_and_field) {
  const std::string head =
      "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n";
  const std::string cluster = "clusters: [{name: c, cluster: {server: 'https://c'}}]\n";
  struct {
    std::string text;
    const char* says;
  } cases[] = {
      {"{", "line 1"},
      {"[]", "the document must be a mapping"},
      {"a: b", "'current-context' is not set"},
      {"current-context: y", "'contexts' has no 'y'"},
      {"current-context: [a]", "'current-context' must be a string"},
      {"current-context: x\ncontexts: 7", "'contexts' must be a list"},
      {"current-context: x\ncontexts: [7]", "'contexts[0]' must be a mapping"},
      {"current-context: x\ncontexts: [{name: x, context: {}}]", "'contexts[0].context.cluster'"},
      {head, "'clusters' has no 'c'"},
      {head + "clusters: [{name: c, cluster: {server: 'c:6443'}}]", "'clusters[0].cluster.server'"},
      {head +
           "clusters: [{name: c, cluster: {server: 'https://c', certificate-authority-data: '*'}}]",
       "certificate-authority-data' is not valid base64"},
      {head + "clusters: [{name: c, cluster: {server: 'https://c', certificate-authority: gone}}]",
       "certificate-authority': "},
      {head + cluster + "users: [{name: u, user: {client-key-data: YQ==}}]", "belong together"},
      {head + cluster + "users: [{name: u, user: {exec: {apiVersion: v1alpha1}}}]",
       "exec.apiVersion"},
      {head + cluster +
           "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: "
           "c, "
           "interactiveMode: Always}}}]",
       "interactiveMode"},
      {head + cluster + "users: [{name: u, user: {auth-provider: {name: gcp}}}]", "auth-provider"},
  };
  for (const auto& c : cases) {
    auto got = read(c.text);
    ASSERT_FALSE(got) << c.text;
    EXPECT_EQ(got.error().code == errc::invalid_argument || got.error().code == errc::not_found,
              true);
    EXPECT_NE(got.error().message.find(c.says), std::string::npos) << got.error().message;
    EXPECT_NE(got.error().message.find((dir_.path() / "config").string()), std::string::npos);
  }
}

}  // namespace gkm::k8s
