/// Tells API servers whom to trust: the leader keeps `caBundle` of GKM's webhook configurations
/// equal to what it was given. Configurations that cert-manager fills in itself are left alone.
#pragma once

#include "k8s/client.hpp"

#include <memory>
#include <string>

namespace gkm::op {

class ca_bundles {
public:
  /// `client` must outlive this.
  explicit ca_bundles(k8s::client& client);
  ~ca_bundles();
  ca_bundles(const ca_bundles&) = delete;
  ca_bundles& operator=(const ca_bundles&) = delete;

  /// Both from any thread. Empty: there is nothing to be trusted yet.
  void want(const std::string& authorities_pem);
  void lead(bool leading);

private:
  class impl;
  std::shared_ptr<impl> impl_;
};

/// What makes all webhooks of this configuration trust `ca_base64`, and no other change; empty if
/// they do, or cert-manager cares for it.
std::string bundle_patch(const k8s::object& configuration, const std::string& ca_base64);

}  // namespace gkm::op
