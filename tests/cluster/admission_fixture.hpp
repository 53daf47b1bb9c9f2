/// The operator's webhooks in this process, and callers who do not stop.
#pragma once

#include "actors/operator/admission/admission.hpp"
#include "k8s/client.hpp"
#include "k8s/objects/time.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/kube/deployment.hpp"
#include "tests/support/kube/kube_identities.hpp"

#include <atomic>
#include <thread>

namespace gkm::support {

/// The operator's part of it, as its own service account.
class operator_part {
public:
  explicit operator_part(const kube_server& server, const std::string& registry)
      : client_(config_of(server)), resolver_(op::secrets_of(client_), allowing(registry)) {
    op::admission_options options;
    options.server.address = "127.0.0.1:0";
    options.further_names = {"127.0.0.1"};
    // Less than the allowance for clocks that disagree: a certificate that is made ahead of time is
    // still valid now.
    options.rotation.authority_life_s = 400;
    options.rotation.serving_life_s = 200;
    options.rotation.overlap_s = 10;
    options.now = [this] { return k8s::now_unix_s() + ahead_s.load(); };
    auto made = op::admission::start(client_, resolver_, options);
    if (!made) throw std::runtime_error(made.error().message);
    webhooks_ = std::move(*made);
    webhooks_->lead(true);
    EXPECT_TRUE(eventually("it has a certificate", [&] { return webhooks_->is_ready(); }));
  }

  std::string url() const { return "https://127.0.0.1:" + std::to_string(webhooks_->port()); }
  op::registry_resolver& resolver() { return resolver_; }
  void let_time_pass(int64_t seconds) {
    ahead_s += seconds;
    webhooks_->review_certificates();
  }

private:
  static k8s::config config_of(const kube_server& server) {
    auto token = account_token(server, "gkm-system", "gkm-operator");
    auto found = k8s::from_kubeconfig({server.as("operator", token).kubeconfig().string(), {}});
    if (!found) throw std::runtime_error(found.error().message);
    return *found;
  }
  static op::resolver_options allowing(const std::string& registry) {
    op::resolver_options options;
    options.allowed_hosts = {registry};
    options.limit = std::chrono::seconds(2);
    return options;
  }

  std::atomic<int64_t> ahead_s = 0;
  k8s::client client_;
  op::registry_resolver resolver_;
  std::unique_ptr<op::admission> webhooks_;
};

/// Calls that create a cache, from several sides at once, until it goes.
class load {
public:
  explicit load(std::function<kubectl_answer(const std::string& name)> call) {
    for (int i = 0; i < 2; ++i)
      callers_.emplace_back([this, call, name = "load-" + std::to_string(i)](std::stop_token stop) {
        for (; !stop.stop_requested(); ++calls_) {
          auto answer = call(name);
          EXPECT_TRUE(answer.ok()) << answer.err;
        }
      });
  }
  void wait_for_more(int count) const {
    int so_far = calls_;
    eventually("calls go on", [&] { return calls_ >= so_far + count; });
  }

private:
  std::atomic<int> calls_ = 0;
  std::vector<std::jthread> callers_;
};

}  // namespace gkm::support
