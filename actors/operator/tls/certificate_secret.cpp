#include "actors/operator/tls/certificate_secret.hpp"

#include "base/base64.hpp"
#include "base/program/log.hpp"
#include "base/upkeep.hpp"
#include "k8s/objects/patch.hpp"
#include "k8s/watcher.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>

namespace gkm::op {
namespace log = base::log;
namespace {

constexpr const char* secret_type = "kubernetes.io/tls";

}  // namespace

std::string print_certificate_secret(const k8s::object_key& where, const certificate_state& state,
                                     std::string_view resource_version) {
  k8s::draft d(k8s::secrets, where);
  if (!resource_version.empty()) d.set({"metadata", "resourceVersion"}, resource_version);
  d.set({"metadata", "labels", "app.kubernetes.io/part-of"}, "gkm");
  d.set({"type"}, secret_type);
  for (auto [key, text] : {std::pair{"ca.crt", &state.authorities},
                           {"ca.key", &state.authority_key},
                           {"tls.crt", &state.serving.cert_pem},
                           {"tls.key", &state.serving.key_pem}})
    d.set({"data", key}, base::to_base64(*text));
  return d.print();
}

certificate_state parse_certificate_secret(const k8s::object& secret) {
  auto text = [&](std::string_view key) {
    return base::from_base64(secret.text({"data", key})).value_or(std::string());
  };
  return {text("ca.crt"), text("ca.key"), {text("tls.crt"), text("tls.key")}};
}

/// All of it on the client's thread.
class certificate_secret::impl : public std::enable_shared_from_this<impl> {
public:
  impl(k8s::client& client, k8s::object_key where, rotation_rules rules, wall_time now,
       identity_observer changed)
      : client_(client),
        where_(std::move(where)),
        rules_(std::move(rules)),
        now_(std::move(now)),
        changed_(std::move(changed)) {}

  void start() {
    k8s::watch_options options;
    options.which = {where_.ns, {}, "metadata.name=" + where_.name};
    k8s::watch_callbacks callbacks;
    callbacks.changed = [this](const k8s::object& secret) { take(secret); };
    callbacks.deleted = [this](const k8s::gone_object&) { forget(); };
    callbacks.synced = [this] {
      synced_ = true;
      decide();
    };
    watcher_ = std::make_unique<k8s::watcher>(client_, k8s::secrets, options, callbacks);
  }

  // Nothing runs here afterwards but what finds itself ended.
  void stop() {
    watcher_->stop();
    ended_ = true;
  }

  void post(std::function<void(impl&)> job, std::chrono::milliseconds pause = {}) {
    client_.after(pause, [weak = weak_from_this(), job = std::move(job)] {
      auto self = weak.lock();
      if (self && !self->ended_) job(*self);
    });
  }

  void lead(bool leading) {
    leading_ = leading;
    work_.renew();
    decide();
  }

  void decide() {
    if (!leading_ || !synced_ || !work_.may_begin(now_here())) return;
    auto plan = plan_rotation(state_, rules_, now_());
    if (!plan) return log::error("Certificates cannot be made", {{"error", plan.error().message}});
    if (plan->wanted) return write(*plan->wanted);
    review_after(std::chrono::seconds(std::max<int64_t>(1, plan->review_unix_s - now_())));
  }

private:
  void take(const k8s::object& secret) {
    version_ = secret.resource_version();
    work_.end_pause();
    auto next = parse_certificate_secret(secret);
    bool is_new = next != state_;
    state_ = std::move(next);
    if (is_new && is_key_of(state_.serving.cert_pem, state_.serving.key_pem))
      changed_({state_.serving.cert_pem, state_.serving.key_pem, state_.authorities});
    if (synced_) decide();
  }

  // What was served goes on being served: the next Secret brings another identity.
  void forget() {
    version_.clear();
    work_.end_pause();
    state_ = {};
    if (synced_) decide();
  }

  void write(const certificate_state& wanted) {
    work_.begin();
    auto body = print_certificate_secret(where_, wanted, version_);
    auto reply = [weak = weak_from_this()](const result<k8s::object>& outcome) {
      auto self = weak.lock();
      if (self && !self->ended_) self->written(outcome);
    };
    if (version_.empty())
      client_.create(k8s::secrets, where_.ns, body, reply);
    else
      client_.update(k8s::secrets, where_, body, reply);
  }

  void written(const result<k8s::object>& outcome) {
    if (outcome) {
      work_.succeeded();
      log::info("Webhook certificates written", {{"secret", where_.str()}});
      return take(*outcome);
    }
    log::warn("Webhook certificates could not be written",
              {{"secret", where_.str()}, {"error", outcome.error().message}});
    review_after(work_.failed(outcome.error(), now_here(), chance_()).pause);
  }

  static base::upkeep::time now_here() { return std::chrono::steady_clock::now(); }

  void review_after(std::chrono::milliseconds pause) {
    auto epoch = ++epoch_;
    post(
        [epoch](impl& self) {
          if (self.epoch_ == epoch) self.decide();
        },
        pause);
  }

  k8s::client& client_;
  const k8s::object_key where_;
  const rotation_rules rules_;
  const wall_time now_;
  const identity_observer changed_;
  std::unique_ptr<k8s::watcher> watcher_;
  std::string version_;
  certificate_state state_;
  bool synced_ = false;
  bool leading_ = false;
  base::upkeep work_;
  std::mt19937_64 chance_{std::random_device()()};
  std::atomic<bool> ended_ = false;
  uint64_t epoch_ = 0;
};

certificate_secret::certificate_secret(k8s::client& client, k8s::object_key where,
                                       rotation_rules rules, wall_time now,
                                       identity_observer changed)
    : impl_(std::make_shared<impl>(client, std::move(where), std::move(rules), std::move(now),
                                   std::move(changed))) {
  impl_->start();
}

certificate_secret::~certificate_secret() { impl_->stop(); }

void certificate_secret::lead(bool leading) {
  impl_->post([leading](impl& k) { k.lead(leading); });
}

void certificate_secret::review() {
  impl_->post([](impl& k) { k.decide(); });
}

}  // namespace gkm::op
