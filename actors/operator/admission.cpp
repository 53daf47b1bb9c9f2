#include "actors/operator/admission.hpp"

#include "actors/operator/ca_bundles.hpp"
#include "actors/operator/cache_admission.hpp"
#include "actors/operator/certificate_files.hpp"
#include "actors/operator/certificate_secret.hpp"
#include "actors/operator/pod_admission.hpp"
#include "base/log.hpp"
#include "k8s/time.hpp"

#include <future>

namespace gkm::cluster {
namespace log = base::log;
namespace {

using std::chrono::milliseconds;

// Between our last word and the end of the API server's patience.
constexpr milliseconds margin{1'500};
constexpr milliseconds least{500};

using judge = cache_verdict (*)(const admission_request&, std::string_view);
using conclude = admission_decision (*)(const admission_request&, const result<digest>&);

result<digest> wait_for(registry_resolver& resolver, const cluster_cache& cache,
                        milliseconds limit) {
  auto promise = std::make_shared<std::promise<result<digest>>>();
  auto answered = promise->get_future();
  resolver.resolve_within(limit, cache, [promise](result<digest> r) { promise->set_value(r); });
  return answered.get();
}

void note(const admission_request& asked, const admission_decision& decision) {
  if (decision.allowed)
    return log::debug("Admitted", {{"uid", asked.uid}, {"patch", decision.patch}});
  log::info("Denied", {{"uid", asked.uid},
                       {"user", asked.user},
                       {"namespace", asked.ns},
                       {"why", decision.message}});
}

webhook cache_webhook(registry_resolver& resolver, const std::string& operator_user, judge first,
                      conclude then) {
  return [&resolver, operator_user, first, then](const std::string& body,
                                                 milliseconds limit) -> result<std::string> {
    auto asked = parse_admission_review(body);
    if (!asked) return fail(asked.error());
    auto verdict = first(*asked, operator_user);
    if (verdict.resolve) {
      auto resolved = wait_for(resolver, *verdict.resolve, std::max(least, limit - margin));
      verdict.decision = then(*asked, resolved);
    }
    note(*asked, verdict.decision);
    return print_admission_review(asked->uid, verdict.decision);
  };
}

result<std::string> pod_webhook(const std::string& body, milliseconds) {
  auto asked = parse_admission_review(body);
  if (!asked) return fail(asked.error());
  auto decision = complete_pod(*asked);
  note(*asked, decision);
  return print_admission_review(asked->uid, decision);
}

std::string user_of(const admission_options& options) {
  return "system:serviceaccount:" + options.own_ns + ":" + options.service_account;
}

rotation_rules rules_of(const admission_options& options) {
  auto rules = options.rotation;
  rules.names = {options.service + "." + options.own_ns + ".svc"};
  rules.names.push_back(rules.names.front() + ".cluster.local");
  rules.names.insert(rules.names.end(), options.further_names.begin(), options.further_names.end());
  return rules;
}

}  // namespace

std::map<std::string, webhook> admission_webhooks(registry_resolver& resolver,
                                                  const std::string& operator_user) {
  return {{"/mutate/caches", cache_webhook(resolver, operator_user, &judge_mutation, &pin)},
          {"/validate/caches", cache_webhook(resolver, operator_user, &judge_validation, &confirm)},
          {"/mutate/pods", &pod_webhook}};
}

/// Members are ended in the order opposite to this one: who tells goes before who is told.
class admission::parts {
public:
  result<void> start(k8s::client& client, registry_resolver& resolver,
                     const admission_options& options) {
    auto server =
        webhook_server::start(options.server, admission_webhooks(resolver, user_of(options)));
    if (!server) return fail(server.error());
    server_ = std::move(*server);
    bundles_ = std::make_unique<ca_bundles>(client);
    auto changed = [this](const serving_identity& identity) { use(identity); };
    if (options.cert_dir.empty()) {
      auto now = options.now ? options.now : &k8s::now_unix_s;
      secret_ = std::make_unique<certificate_secret>(
          client, k8s::object_key{options.own_ns, options.secret}, rules_of(options), now, changed);
      return {};
    }
    auto files = certificate_files::start(options.cert_dir, changed);
    if (!files) return wrap(files.error(), "Failed to read the webhook's certificates");
    files_ = std::move(*files);
    return {};
  }

  void lead(bool leading) {
    bundles_->lead(leading);
    if (secret_) secret_->lead(leading);
  }
  void review() {
    if (secret_) secret_->review();
  }
  const webhook_server& server() const { return *server_; }

private:
  void use(const serving_identity& identity) {
    if (auto fine = server_->use(identity); !fine)
      return log::error("Certificate cannot be served", {{"error", fine.error().message}});
    log::info("Serving admission with a new certificate", {{"port", server_->port()}});
    if (!identity.authorities_pem.empty()) bundles_->want(identity.authorities_pem);
  }

  std::unique_ptr<webhook_server> server_;
  std::unique_ptr<ca_bundles> bundles_;
  std::unique_ptr<certificate_secret> secret_;
  std::unique_ptr<certificate_files> files_;
};

admission::admission(std::unique_ptr<parts> p) : parts_(std::move(p)) {}
admission::~admission() = default;

result<std::unique_ptr<admission>> admission::start(k8s::client& client,
                                                    registry_resolver& resolver,
                                                    const admission_options& options) {
  auto made = std::make_unique<parts>();
  if (auto fine = made->start(client, resolver, options); !fine) return fail(fine.error());
  return std::unique_ptr<admission>(new admission(std::move(made)));
}

void admission::lead(bool leading) { parts_->lead(leading); }
bool admission::is_ready() const { return parts_->server().has_identity(); }
uint16_t admission::port() const { return parts_->server().port(); }
void admission::review_certificates() { parts_->review(); }

}  // namespace gkm::cluster
