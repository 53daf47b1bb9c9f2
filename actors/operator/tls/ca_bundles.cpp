#include "actors/operator/tls/ca_bundles.hpp"

#include "base/base64.hpp"
#include "base/program/log.hpp"
#include "base/upkeep.hpp"
#include "k8s/objects/json_lookup.hpp"
#include "k8s/objects/patch.hpp"
#include "k8s/watcher.hpp"

#include <array>
#include <atomic>
#include <random>

namespace gkm::op {
namespace log = base::log;
namespace {

struct configuration {
  const k8s::resource* kind;
  const char* name;
};
constexpr std::array configurations{configuration{&k8s::mutating_webhooks, "gkm-caches"},
                                    configuration{&k8s::validating_webhooks, "gkm-caches"},
                                    configuration{&k8s::mutating_webhooks, "gkm-pods"}};

bool is_cert_managers(const k8s::object& configuration) {
  for (const auto& [name, value] : configuration.annotations())
    if (name.starts_with("cert-manager.io/inject-")) return true;
  return false;
}

}  // namespace

std::string bundle_patch(const k8s::object& configuration, const std::string& ca_base64) {
  if (is_cert_managers(configuration)) return {};
  k8s::json_patch patch;
  patch.test("/metadata/resourceVersion", k8s::json_text(configuration.resource_version()));
  bool differs = false;
  k8s::lookup::each(configuration.find({"webhooks"}), {}, [&](size_t i, const auto& webhook) {
    if (k8s::lookup::text(&webhook, {"clientConfig", "caBundle"}) == ca_base64) return;
    differs = true;
    patch.add("/webhooks/" + std::to_string(i) + "/clientConfig/caBundle",
              k8s::json_text(ca_base64));
  });
  return differs ? patch.print() : std::string();
}

/// All of it on the client's thread.
class ca_bundles::impl : public std::enable_shared_from_this<impl> {
public:
  explicit impl(k8s::client& client) : client_(client) {}

  void start() {
    for (size_t i = 0; i < configurations.size(); ++i) watch(i);
  }

  void stop() {
    for (auto& w : watchers_) w->stop();
    ended_ = true;
  }

  void post(std::function<void(impl&)> job, std::chrono::milliseconds pause = {}) {
    client_.after(pause, [weak = weak_from_this(), job = std::move(job)] {
      auto self = weak.lock();
      if (self && !self->ended_) job(*self);
    });
  }

  void want(const std::string& authorities_pem) {
    wanted_ = base::to_base64(authorities_pem);
    for (size_t i = 0; i < seen_.size(); ++i) renew(i);
  }

  void lead(bool leading) {
    leading_ = leading;
    for (size_t i = 0; i < seen_.size(); ++i) renew(i);
  }

private:
  void watch(size_t i) {
    k8s::watch_options options;
    options.which.field_selector = std::string("metadata.name=") + configurations[i].name;
    k8s::watch_callbacks callbacks;
    callbacks.changed = [this, i](const k8s::object& o) {
      seen_[i] = o;
      work_[i].end_pause();
      proceed(i);
    };
    callbacks.deleted = [this, i](const k8s::gone_object&) { seen_[i] = {}; };
    callbacks.synced = [] {};
    watchers_.push_back(std::make_unique<k8s::watcher>(client_, *configurations[i].kind, options,
                                                       std::move(callbacks)));
  }

  static base::upkeep::time now() { return std::chrono::steady_clock::now(); }

  void renew(size_t i) {
    work_[i].renew();
    proceed(i);
  }

  // One write at a time for each; what it changes comes back through the watch.
  void proceed(size_t i) {
    if (!leading_ || wanted_.empty() || !seen_[i] || !work_[i].may_begin(now())) return;
    auto patch = bundle_patch(seen_[i], wanted_);
    if (patch.empty()) return;
    work_[i].begin();
    const auto& c = configurations[i];
    client_.patch(*c.kind, {{}, c.name}, patch,
                  [weak = weak_from_this(), i](const result<k8s::object>& outcome) {
                    auto self = weak.lock();
                    if (self && !self->ended_) self->written(i, outcome);
                  });
  }

  void written(size_t i, const result<k8s::object>& outcome) {
    if (outcome) {
      work_[i].succeeded();
      seen_[i] = *outcome;
      log::info("Webhook trusts the certificates",
                {{"kind", configurations[i].kind->kind}, {"name", configurations[i].name}});
      return proceed(i);
    }
    // A changed version fails the patch's test; the watch brings the object that did it.
    log::debug("Webhook could not be told whom to trust",
               {{"name", configurations[i].name}, {"error", outcome.error().message}});
    auto next = work_[i].failed(outcome.error(), now(), chance_());
    post([i](impl& self) { self.proceed(i); }, next.pause);
  }

  k8s::client& client_;
  std::string wanted_;  ///< base64
  bool leading_ = false;
  std::array<k8s::object, configurations.size()> seen_;
  std::array<base::upkeep, configurations.size()> work_{};
  std::mt19937_64 chance_{std::random_device()()};
  std::vector<std::unique_ptr<k8s::watcher>> watchers_;
  std::atomic<bool> ended_ = false;
};

ca_bundles::ca_bundles(k8s::client& client) : impl_(std::make_shared<impl>(client)) {
  impl_->start();
}

ca_bundles::~ca_bundles() { impl_->stop(); }

void ca_bundles::want(const std::string& authorities_pem) {
  impl_->post([authorities_pem](impl& k) { k.want(authorities_pem); });
}

void ca_bundles::lead(bool leading) {
  impl_->post([leading](impl& k) { k.lead(leading); });
}

}  // namespace gkm::op
