/// Admission as one thing: the server, its certificates, and what it decides. main.cpp makes one,
/// and tells it when this process leads.
///
///   API server ──TLS──▶ webhook_server ──▶ cache_admission, pod_admission (pure)
///                             ▲                   └─ resolve ──▶ registry_resolver ──▶ registries
///       certificate_secret or certificate_files ──authorities──▶ ca_bundles ──▶ configurations
#pragma once

#include "actors/operator/admission/cache_admission.hpp"
#include "actors/operator/resolver/registry_resolver.hpp"
#include "actors/operator/tls/rotation.hpp"
#include "actors/operator/tls/webhook_server.hpp"
#include "k8s/client.hpp"
#include "messages/names.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gkm::op {

/// Reviews of caches at a time: each may wait for a registry, and keeps a connection meanwhile.
/// They leave more than half of the connections to pods, which wait for nobody, and a namespace
/// leaves more than half of them to others. What finds no place is left to the leader.
inline constexpr base::turn_limits cache_reviews_max{.places = 32, .places_of_one = 12};
/// Reviews that are being read, or pods completed, at a time: what needs a processor, and memory.
inline constexpr size_t reviews_at_work_max = 8;
/// For a resolver's thread to be free; then the image is left to the leader.
inline constexpr std::chrono::milliseconds review_turn_limit{1'000};

struct admission_options {
  std::string own_ns = names::system_namespace;
  std::string service_account = names::gkm_operator;  ///< whose writes are let in as they are
  std::string service = names::webhook_service;       ///< the certificate is for this Service
  std::vector<std::string> further_names;  ///< that the certificate is for: names, addresses
  std::filesystem::path cert_dir;          ///< empty: GKM makes certificates itself
  std::string secret = names::webhook_certificates;  ///< where it keeps them
  rotation_rules rotation{};                         ///< `names` are filled in
  webhook_server_options server{};
  std::function<int64_t()> now{};  ///< seconds since 1970; empty: the machine's clock
};

class admission {
public:
  /// Both must outlive it. errc::invalid_argument, io, not_found: what is wrong with the options.
  static result<std::unique_ptr<admission>> start(k8s::client& client, registry_resolver& resolver,
                                                  const admission_options& options);
  ~admission();
  admission(const admission&) = delete;
  admission& operator=(const admission&) = delete;

  /// From any thread.
  void lead(bool leading);
  /// True once it can answer: part of this process' readiness.
  bool is_ready() const;
  uint16_t port() const;
  /// Looks at the certificates' ages again, as it does by itself when one is due.
  void review_certificates();

private:
  class impl;
  explicit admission(std::unique_ptr<impl> p);
  std::unique_ptr<impl> impl_;
};

/// The webhooks by path, for a server of one's own.
std::map<std::string, webhook> admission_webhooks(registry_resolver& resolver,
                                                  const std::string& operator_user);

}  // namespace gkm::op
