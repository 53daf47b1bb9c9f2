#include "actors/operator/admission/admission.hpp"

#include "actors/operator/admission/pod_admission.hpp"
#include "actors/operator/tls/ca_bundles.hpp"
#include "actors/operator/tls/certificate_files.hpp"
#include "actors/operator/tls/certificate_secret.hpp"
#include "base/program/log.hpp"
#include "k8s/objects/time.hpp"

#include <future>
#include <mutex>
#include <semaphore>

namespace gkm::op {
namespace log = base::log;
namespace {

using std::chrono::milliseconds;

// Between our last word and the end of the API server's patience.
constexpr milliseconds margin{1'500};
constexpr milliseconds least{500};

using judge = cache_verdict (*)(const admission_request&, const review_sender&);
using conclude = admission_decision (*)(const admission_request&, const result<digest>&);

/// What all reviews share.
class review_runner {
public:
  review_runner(registry_resolver& resolver, std::string operator_user)
      : resolver_(resolver), operator_user_(std::move(operator_user)) {}

  /// One after the other where there are too many. errc::busy once the caller waits no more.
  template <class F>
  auto run_review(milliseconds limit, F&& f) -> decltype(f()) {
    if (!at_work_.try_acquire_for(limit))
      return fail(errc::busy, "too many reviews are being read: try again");
    struct leaving {
      std::counting_semaphore<reviews_at_work_max>& from;
      ~leaving() { from.release(); }
    } after{at_work_};
    return f();
  }

  result<digest> resolve(const cache_object& cache, const webhook_call& call) {
    if (!take_place(cache.ref.ns)) return fail(errc::busy, "too many caches are being reviewed");
    auto promise = std::make_shared<std::promise<result<digest>>>();
    auto answered = promise->get_future();
    resolver_.resolve_for({call.proven, std::max(least, call.limit - margin), review_turn_limit},
                          cache, [promise](result<digest> r) { promise->set_value(r); });
    auto resolved = answered.get();
    std::lock_guard lock(mutex_);
    places_.done(cache.ref.ns);
    return resolved;
  }

  const std::string& operator_user() const { return operator_user_; }

private:
  bool take_place(const std::string& ns) {
    std::lock_guard lock(mutex_);
    auto me = ++last_;
    places_.push(ns, me);
    if (places_.next()) return true;
    places_.remove(me);
    return false;
  }

  registry_resolver& resolver_;
  const std::string operator_user_;
  std::counting_semaphore<reviews_at_work_max> at_work_{reviews_at_work_max};
  std::mutex mutex_;
  base::turns<uint64_t> places_{cache_reviews_max};
  uint64_t last_ = 0;
};

void note(const admission_request& asked, const admission_decision& decision) {
  if (decision.allowed)
    return log::debug("Admitted", {{"uid", asked.uid}, {"patch", decision.patch}});
  log::info("Denied", {{"uid", asked.uid},
                       {"user", asked.user},
                       {"namespace", asked.ns},
                       {"why", decision.message}});
}

/// What was read of a review of a cache, and is judged so far.
struct opened_review {
  admission_request asked;
  cache_verdict verdict;
};

webhook cache_webhook(std::shared_ptr<review_runner> reviews, judge first, conclude then) {
  return [reviews, first, then](const std::string& body,
                                const webhook_call& call) -> result<std::string> {
    auto opened = reviews->run_review(call.limit, [&]() -> result<opened_review> {
      auto asked = parse_admission_review(body);
      if (!asked) return fail(asked.error());
      auto verdict = first(*asked, {call.proven, reviews->operator_user()});
      return opened_review{std::move(*asked), std::move(verdict)};
    });
    if (!opened) return fail(opened.error());
    auto& [asked, verdict] = *opened;
    if (verdict.resolve) verdict.decision = then(asked, reviews->resolve(*verdict.resolve, call));
    note(asked, verdict.decision);
    return print_admission_review(asked.uid, verdict.decision);
  };
}

webhook pod_webhook(std::shared_ptr<review_runner> reviews) {
  return [reviews](const std::string& body, const webhook_call& call) {
    pod_limits limits;
    limits.until = std::chrono::steady_clock::now() + std::max(least, call.limit - margin);
    return reviews->run_review(call.limit, [&]() -> result<std::string> {
      auto asked = parse_admission_review(body);
      if (!asked) return fail(asked.error());
      auto decision = complete_pod(*asked, limits).decision;
      note(*asked, decision);
      return print_admission_review(asked->uid, decision);
    });
  };
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
  auto reviews = std::make_shared<review_runner>(resolver, operator_user);
  return {{"/mutate/caches", cache_webhook(reviews, &review_mutation, &admit_digest)},
          {"/validate/caches", cache_webhook(reviews, &review_validation, &confirm)},
          {"/mutate/pods", pod_webhook(reviews)}};
}

/// Members are ended in the order opposite to this one: who tells goes before who is told.
class admission::impl {
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

admission::admission(std::unique_ptr<impl> p) : impl_(std::move(p)) {}
admission::~admission() = default;

result<std::unique_ptr<admission>> admission::start(k8s::client& client,
                                                    registry_resolver& resolver,
                                                    const admission_options& options) {
  auto made = std::make_unique<impl>();
  if (auto fine = made->start(client, resolver, options); !fine) return fail(fine.error());
  return std::unique_ptr<admission>(new admission(std::move(made)));
}

void admission::lead(bool leading) { impl_->lead(leading); }
bool admission::is_ready() const { return impl_->server().can_answer(); }
uint16_t admission::port() const { return impl_->server().port(); }
void admission::review_certificates() { impl_->review(); }

}  // namespace gkm::op
