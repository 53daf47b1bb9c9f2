// YAML that people and other programs write: kubeconfigs, and the caches that `gkm up` is told of.
#include "cli/cache_files.hpp"
#include "k8s/config.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/temp_dir.hpp"

#include <fstream>

namespace gkm::fuzz {
namespace {

void read_kubeconfig(std::string_view input) {
  static support::temp_dir dir;
  const auto file = dir / "config";
  std::ofstream(file, std::ios::binary) << input;
  k8s::kubeconfig_options options;
  options.file = file.string();
  const auto no_environment = [](const char*) { return std::string(); };
  work_meter work;
  auto config = k8s::from_kubeconfig(options, no_environment);
  work.require_at_most(1 << 20, 2'048, input.size(), "a kubeconfig");
  if (!config) return require(!config.error().message.empty(), "an error without a text");
  require(!config->server.empty() && !config->server.ends_with('/'),
          "a server that cannot be asked");
  require(!config->identity.exec || !config->identity.exec->command.empty(),
          "a plugin without a command");
  require(*k8s::from_kubeconfig(options, no_environment) == *config, "a file is read in two ways");
}

void read_caches(std::string_view input) {
  work_meter work;
  const auto file = cli::parse_cache_file("caches.yaml", input);
  work.require_at_most(1 << 20, 2'048, input.size(), "a file of caches");
  for (const auto& cache : file.caches) {
    require(cache_ref::make(cache.ref.ns, cache.ref.name).has_value(),
            "a cache with a name that is none");
    require(image_ref::parse(cache.image.str()) == cache.image, "an image that is not read again");
  }
  for (const auto& p : file.problems)
    require(!p.message.empty() && p.line >= 0, "a problem that says nothing");
  require(!file.caches.empty() || !file.problems.empty(), "a file without caches is no problem");
}

}  // namespace

std::vector<subject> subjects() {
  return {
      {"kubeconfig",
       read_kubeconfig,
       {R"(apiVersion: v1
kind: Config
current-context: here
contexts:
- name: here
  context: {cluster: c, user: u, namespace: team}
clusters:
- name: c
  cluster:
    server: https://10.0.0.1:6443/
    certificate-authority-data: Q0E=
    tls-server-name: api.example
    proxy-url: http://proxy:3128
users:
- name: u
  user: {token: secret}
)",
        R"(current-context: e
contexts: [{name: e, context: {cluster: d, user: v}}]
clusters: [{name: d, cluster: {server: "https://d", insecure-skip-tls-verify: true}}]
users:
- name: v
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/plugin, args: [get], env: [{name: A, value: b}],
      installHint: i, interactiveMode: IfAvailable, provideClusterInfo: true}
)",
        "a: &a [x]\nb: [*a, *a]\n? {c: d}\n: |\n  text\n--- !!map {}\n"}},
      {"caches",
       read_caches,
       {R"(apiVersion: gkm.io/v1alpha1
kind: GKMCache
metadata: {name: a, namespace: ns}
spec:
  image: quay.io/gkm/cache-examples:vector-add-cache-rocm
---
apiVersion: gkm.io/v1alpha1
kind: ClusterGKMCache
metadata:
  name: b
spec: {image: "oci:/dir:tag", imagePullSecrets: [{name: s}], nodeSelector: {a: b}}
---
kind: Pod
)",
        "kind: GKMCache\nspec: 7\n", ",", "a: b\n---\n,\n", "--- {}\n...\n%YAML 1.2\n---\n- [a\n"}},
  };
}

std::vector<std::string> tokens() {
  return {"current-context: ",
          "contexts:",
          "clusters:",
          "users:",
          "- name: ",
          "exec:",
          "token: ",
          "tokenFile: ",
          "client-certificate-data: ",
          "server: https://x",
          "kind: GKMCache\n",
          "metadata:",
          "spec:",
          "image: ",
          "---\n",
          "...\n",
          "&a ",
          "*a",
          "<<: *a",
          "!!binary ",
          "!!str",
          "| \n",
          ">-\n",
          "? ",
          "[[[[",
          "{{",
          "%YAML 9.9\n",
          "\t",
          "\xef\xbb\xbf",
          "\"\\x00\"",
          "0x7f",
          "~"};
}

}  // namespace gkm::fuzz
