#include "tests/support/kube/whole_cluster.hpp"

#include "tests/support/kube/deployment.hpp"
#include "tests/support/private_mounts.hpp"

namespace gkm::support {
namespace fs = std::filesystem;
namespace {

/// As cert-manager would mount them.
fs::path make_certificates(const fs::path& folder) {
  test_ca ca(folder, "webhooks");
  auto serving = ca.issue("gkm-webhook", "IP:127.0.0.1");
  auto mounted = folder / "mounted";
  fs::create_directory(mounted);
  fs::copy_file(serving.certificate, mounted / "tls.crt");
  fs::copy_file(serving.key, mounted / "tls.key");
  fs::copy_file(ca.certificate_file(), mounted / "ca.crt");
  return mounted;
}

}  // namespace

std::optional<std::string> whole_cluster::missing() {
  if (auto programs = find_kube_programs(); !programs) return "no API server: " + programs.error();
  for (const auto* name : {"docker-registry", "skopeo", "curl"})
    if (!find_program(name)) return std::string(name) + " is not installed";
  if (!have_private_mounts()) return "this user may not mount";
  return std::nullopt;
}

whole_cluster::whole_cluster(std::vector<std::string> operator_flags)
    : requests_(folder_ / "audit"),
      server_(std::make_unique<kube_server>(*find_kube_programs(),
                                            kube_server_plan{requests_.apiserver_arguments()})) {
  EXPECT_TRUE(have_private_mounts());
  start_registry();
  deploy_gkm(*server_);
  operator_ = std::make_unique<operator_program>(*server_, "operator",
                                                 operator_arguments(std::move(operator_flags)));
  // Whom to trust is not said: the operator has to.
  apply_webhooks(*server_, {"https://127.0.0.1:" + std::to_string(webhook_port_.number()), ""});
  wait_for_admission();
}

whole_cluster::~whole_cluster() {
  nodes_.clear();
  operator_.reset();
}

std::vector<std::string> whole_cluster::operator_arguments(std::vector<std::string> flags) {
  flags.insert(flags.end(),
               {"--webhook-address", "127.0.0.1:" + std::to_string(webhook_port_.number()),
                "--cert-dir", make_certificates(folder_.path()).string(), "--plain-http",
                registry(), "--log-level", "debug"});
  return flags;
}

void whole_cluster::wait_for_admission() {
  auto image = push("probe/cache:v1", cache_image().layer(kernel_layer().finished()));
  auto filled_in = [this](const std::string& yaml, const std::string& path) {
    return !admin()
                .ask_with_file({"create", "--dry-run=server", "-o", "jsonpath=" + path, "-f"}, yaml)
                .out.empty();
  };
  make_namespace(*server_, "probe");
  cache_ref cache{"probe", "probe"};
  eventually("caches are admitted", [&] {
    return filled_in(
        "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: probe, "
        "namespace: probe}, spec: {image: '" +
            image + "'}}",
        R"({.metadata.annotations.gkm\.io/resolvedDigest})");
  });
  eventually("pods are admitted", [&] {
    return filled_in(cache_pod{"probe", "probe", cache}.yaml("nowhere"),
                     R"({.spec.volumes[0].csi.volumeAttributes.csi\.gkm\.io/mountPath})");
  });
  admin().run({"delete", "namespace", "probe", "--wait=false"});
}

cluster_node& whole_cluster::add_node(const std::string& name, const std::string& labels) {
  auto& place = nodes_[name];
  place = std::make_unique<cluster_node>(*server_, name, registry(), labels);
  return *place;
}

std::string whole_cluster::push(const std::string& name, const cache_image& image) {
  temp_dir layout;
  write_layout(layout.path(), "pushed", image);
  return push_from(layout.path(), "pushed", name);
}

std::string whole_cluster::push_from(const fs::path& layout, const std::string& tag,
                                     const std::string& name) {
  auto reference = registry() + '/' + name;
  run_program({"skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false",
               "--preserve-digests", "oci:" + layout.string() + ':' + tag, "docker://" + reference},
              folder_ / "output", {{"HOME", folder_ / "home"}});
  return reference;
}

void whole_cluster::start_registry() {
  registry_plan plan;
  plan.port = registry_port_;
  registry_ = std::make_unique<registry_server>(folder_ / "registry", plan);
  registry_port_ = registry_->port();
}

}  // namespace gkm::support
