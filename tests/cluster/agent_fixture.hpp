/// What gkm-agent's tests start from. Caches' digests are written by the test with the operator's
/// account, in the operator's stead.
#pragma once

#include "tests/support/kube/agent_node.hpp"
#include "tests/support/kube/deployment.hpp"
#include "tests/support/registry/cache_image.hpp"

#include <gmock/gmock.h>

namespace gkm::support {

/// A cluster where GKM is deployed, and a registry.
class agent_test : public deployed_test {
protected:
  void SetUp() override {
    deployed_test::SetUp();
    if (IsSkipped()) return;
    ns_ = "agent-" + std::to_string(++tests_);
    make_namespace(server(), ns_);
  }

  /// The registry of these tests is allowed to it.
  void start(agent_node& node) {
    node.allow(registry_.server().authority());
    node.start();
  }
  cache_ref ref(const std::string& name) const { return {ns_, name}; }
  static std::string yaml(const cache_ref& ref, const std::string& image,
                          const std::string& more = "") {
    std::string place = ref.ns.empty() ? "" : ", namespace: " + ref.ns;
    return "{apiVersion: gkm.io/v1alpha1, kind: " + std::string(ref.kind()) +
           ", metadata: {name: " + ref.name + place + "}, spec: {image: '" + image + "'" + more +
           "}}\n---\n";
  }
  std::string image(const std::string& digest) const {
    return registry_.server().authority() + "/team/cache@" + digest;
  }
  static const kubectl& gkm_operator() {
    static const kubectl one =
        server().as("gkm-operator", account_token(server(), "gkm-system", "gkm-operator"));
    return one;
  }
  /// The operator's verdict.
  void admit(const cache_ref& ref, const std::string& digest) {
    admit_by(gkm_operator(), ref, digest);
  }
  void admit_by(const kubectl& by, const cache_ref& ref, const std::string& digest) {
    std::vector<std::string> patch{"patch",
                                   ref.is_cluster() ? "clustergkmcache" : "gkmcache",
                                   ref.name,
                                   "--subresource=status",
                                   "--type=merge",
                                   "-p",
                                   R"({"status":{"resolvedDigest":")" + digest +
                                       R"(","resolvedImage":")" + image(digest) + R"("}})"};
    if (!ref.is_cluster()) patch.insert(patch.end(), {"-n", ref.ns});
    by.run(patch);
  }
  /// Applied and judged.
  void want(const cache_ref& ref, const cache_image& what, const std::string& more = "") {
    admin().apply(yaml(ref, image(what.digest()), more));
    admit(ref, what.digest());
  }
  static void remove(const cache_ref& ref) {
    std::vector<std::string> command{"delete", ref.is_cluster() ? "clustergkmcache" : "gkmcache",
                                     ref.name};
    if (!ref.is_cluster()) command.insert(command.end(), {"-n", ref.ns});
    admin().run(command);
  }
  /// An image that differs from others by its filler.
  cache_image add_image(const std::string& tag, size_t filler_bytes, uint8_t machine = 0x3f) {
    auto made = cache_image().layer(kernel_layer(machine, filler_bytes).finished());
    registry_.add(tag, made);
    return made;
  }

  std::string ns_;
  image_registry registry_;

private:
  static inline int tests_ = 0;
};

}  // namespace gkm::support
