/// What deploy/ installs, on a test server. No controller runs there, so no pod does: tests start
/// the programs themselves, as the service accounts that the manifests make.
#pragma once

#include "tests/support/kube/cluster_test.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace gkm::support {

/// Where a test's operator serves admission. The API server cannot reach a Service there.
struct webhook_place {
  std::string url;        ///< "https://127.0.0.1:9443", before "/mutate/caches"
  std::string ca_base64;  ///< the PEM text of its authority; empty: as the operator finds it
};

/// Renders deploy/base, its webhooks pointing to `webhooks` or left out.
std::string render_deployment(const kubectl& with, const std::filesystem::path& folder,
                              const std::optional<webhook_place>& webhooks);

/// Applies all of deploy/base but the webhooks, and returns once CRDs are served and policies are
/// in force.
void deploy_gkm(const kube_server& server);

/// Then caches need an operator at that place until `remove_webhooks`. Both are in force a moment
/// after they return.
void apply_webhooks(const kube_server& server, const webhook_place& place);
void remove_webhooks(const kube_server& server);

/// A test that finds GKM deployed on the shared server, without webhooks.
class deployed_test : public cluster_test {
protected:
  void SetUp() override;
};

}  // namespace gkm::support
