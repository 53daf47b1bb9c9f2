#include "actors/operator/registry_resolver.hpp"

#include "actors/operator/resolver_work.hpp"
#include "base/version.hpp"
#include "k8s/client.hpp"
#include "messages/printable.hpp"

namespace gkm::cluster {
namespace {

constexpr const char* anonymous = "anonymous";

net::engine_options engine_options_of(const resolver_options& o) {
  net::engine_options out;
  out.user_agent = "gkm-operator/" + std::string(base::version());
  out.plain_http_hosts = o.allowed_hosts;
  out.local_addresses = false;
  out.local_hosts = o.allowed_hosts;
  return out;
}

oci::registry_options registry_options_of(const resolver_options& o) {
  oci::registry_options out;
  out.plain_http_hosts = o.allowed_hosts;
  out.trust_loopback = false;
  out.ca_file = o.ca_file;
  // Somebody waits at a terminal: one more try, soon, or an error that says so.
  out.attempts = 2;
  out.first_retry_delay = std::chrono::milliseconds(100);
  out.max_retry_delay = std::chrono::milliseconds(500);
  return out;
}

error not_allowed(const image_ref& image, const std::vector<pull_credential>& tried) {
  auto text = "registry '" + image.host + "' does not let GKM read '" + image.repository + "': ";
  if (tried.empty())
    return {errc::unauthorized,
            text +
                "no secret of spec.imagePullSecrets has credentials for it: name one that has, "
                "or check the name, as registries hide what does not exist",
            {}};
  for (const auto& one : tried) text += (&one == tried.data() ? "'" : ", '") + one.secret + "'";
  return {errc::unauthorized,
          "registry '" + image.host + "' does not let GKM read '" + image.repository +
              "' with the credentials in Secret " + text.substr(text.find(": ") + 2) +
              ": renew them, or ask for access to the repository",
          {}};
}

}  // namespace

secret_reader secrets_of(k8s::client& client) {
  return [&client](const k8s::object_key& key, answer<k8s::object> reply) {
    client.get(k8s::secrets, key, std::move(reply));
  };
}

class registry_resolver::work : public std::enable_shared_from_this<work> {
public:
  work(secret_reader secrets, resolver_options options)
      : secrets_(std::move(secrets)),
        options_(std::move(options)),
        registry_(registry_options_of(options_)),
        memory_(options_.memory),
        http_(engine_options_of(options_)),
        pool_(options_.threads, options_.threads_of_one) {}

  void resolve(std::chrono::milliseconds limit, const cluster_cache& cache, answer<digest> reply) {
    auto image = image_ref::parse(cache.image);
    if (!image || image->is_layout())
      return reply(fail(errc::invalid_argument, "image '" + printable(cache.image) +
                                                    "' is no reference to a registry" +
                                                    (image ? "" : ": " + image.error().message)));
    if (cache.pull_secrets.size() > max_secrets)
      return reply(fail(errc::limit_exceeded, "spec.imagePullSecrets names more than " +
                                                  std::to_string(max_secrets) + " secrets"));
    for (const auto& name : cache.pull_secrets)
      if (auto fine = check_secret_name(name); !fine) return reply(fail(fine.error()));
    auto q = std::make_shared<question>();
    q->image = std::move(*image);
    q->ns = cache.ref.ns.empty() ? options_.own_ns : cache.ref.ns;
    q->names = cache.pull_secrets;
    q->reply = std::move(reply);
    if (auto fine = admit(q); !fine) return q->reply(fail(fine.error()));
    begin(q, std::min(limit, options_.limit));
  }

  void close() {
    std::set<question_ptr> open;
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
      open.swap(questions_);
    }
    for (const auto& q : open) q->stop.request_stop();
    for (const auto& q : open) answer_one(q, fail(errc::cancelled, "the operator is ending"));
    http_.close();
    pool_.finish();
  }

private:
  static constexpr size_t max_secrets = 16;

  struct question {
    image_ref image;
    std::string ns;
    std::vector<std::string> names;
    std::vector<pull_credential> credentials;
    answer<digest> reply;
    std::atomic<bool> answered = false;
    std::stop_source stop;
  };
  using question_ptr = std::shared_ptr<question>;

  // Each that is open may keep a connection of the API server waiting.
  result<void> admit(const question_ptr& q) {
    std::lock_guard lock(mutex_);
    if (closed_) return fail(errc::cancelled, "the operator is ending");
    if (questions_.size() >= options_.threads + options_.waiting)
      return fail(errc::busy, "too many images are being resolved: apply it again");
    auto& of_one = open_[q->ns];
    if (of_one >= options_.open_of_one)
      return fail(errc::busy, "too many images of namespace '" + q->ns +
                                  "' are being resolved: apply it again");
    ++of_one;
    questions_.insert(q);
    return {};
  }

  void begin(const question_ptr& q, std::chrono::milliseconds limit) {
    auto weak = weak_from_this();
    http_.after(limit, [weak, late = std::weak_ptr(q), limit] {
      auto self = weak.lock();
      auto open = late.lock();
      if (!self || !open) return;
      open->stop.request_stop();
      self->answer_one(open, fail(errc::unavailable, "registry '" + open->image.host +
                                                         "' did not answer within " +
                                                         std::to_string(limit.count()) + " ms"));
    });
    read_secrets(q);
  }

  void answer_one(const question_ptr& q, const result<digest>& outcome) {
    if (q->answered.exchange(true)) return;
    {
      std::lock_guard lock(mutex_);
      questions_.erase(q);
      if (auto at = open_.find(q->ns); --at->second == 0) open_.erase(at);
    }
    q->reply(outcome);
  }

  void read_secrets(const question_ptr& q) {
    auto next = q->credentials.size();
    if (next == q->names.size()) return ask(q);
    k8s::object_key key{q->ns, q->names[next]};
    secrets_(key, [weak = weak_from_this(), q, key](result<k8s::object> secret) {
      auto self = weak.lock();
      if (self) self->take_secret(q, key, std::move(secret));
    });
  }

  void take_secret(const question_ptr& q, const k8s::object_key& key, result<k8s::object> secret) {
    if (!secret && secret.error().code == errc::not_found)
      return answer_one(
          q, fail(errc::not_found, "there is no Secret '" + key.str() +
                                       "', which spec.imagePullSecrets names: create it first"));
    auto read = secret ? read_pull_secret(*secret) : fail(secret.error());
    if (!read) return answer_one(q, fail(read.error()));
    q->credentials.push_back(std::move(*read));
    read_secrets(q);
  }

  void ask(const question_ptr& q) {
    auto some = matching(std::move(q->credentials), q->image);
    if (!some) return answer_one(q, fail(some.error()));
    q->credentials = std::move(*some);
    auto key = key_of(*q, q->image);
    auto tell = [weak = weak_from_this(), q](const result<digest>& outcome) {
      if (auto self = weak.lock()) self->answer_one(q, outcome);
    };
    if (!memory_.ask(key, tell)) return;
    pool_.post(q->ns, [weak = weak_from_this(), q, key] {
      if (auto self = weak.lock()) self->memory_.settle(key, self->ask_with_each(*q));
    });
  }

  // Everything that the answer depends on, and whose turn it waits for. No part of it holds a line
  // break.
  static std::string key_of(const question& q, const image_ref& image) {
    auto key = q.ns + "\n" + image.str();
    for (const auto& one : q.credentials) key += "\n" + one.fingerprint;
    return key;
  }

  result<digest> ask_with_each(const question& q) {
    result<digest> got = fail(errc::unauthorized, "");
    if (q.credentials.empty()) got = ask_as(q, anonymous, {});
    for (const auto& one : q.credentials) {
      got = ask_as(q, one.fingerprint, one.store);
      if (got || got.error().code != errc::unauthorized) break;
    }
    if (!got && got.error().code == errc::unauthorized)
      return fail(not_allowed(q.image, q.credentials));
    if (!got && q.stop.stop_requested())
      return fail(errc::unavailable, "registry '" + q.image.host + "' did not answer in time");
    if (got && q.image.pinned.empty()) {
      // What the validating webhook is about to ask.
      auto pinned = q.image;
      pinned.pinned = *got;
      memory_.remember(key_of(q, pinned), *got);
    }
    return got;
  }

  result<digest> ask_as(const question& q, const std::string& fingerprint,
                        const oci::credential_store& store) {
    auto source = sources_.find_or_make(
        fingerprint, [&] { return oci::make_registry_source(http_, store, registry_); });
    return ask_registry(*source, q.image, q.stop.get_token());
  }

  const secret_reader secrets_;
  const resolver_options options_;
  const oci::registry_options registry_;
  std::mutex mutex_;
  std::map<std::string, size_t> open_;  ///< questions by namespace
  bool closed_ = false;
  std::set<question_ptr> questions_;
  answer_memory memory_;
  net::engine http_;
  source_memory sources_;  // before the engine: they stand on it
  fair_pool pool_;
};

registry_resolver::registry_resolver(secret_reader secrets, resolver_options options)
    : work_(std::make_shared<work>(std::move(secrets), std::move(options))) {}

registry_resolver::~registry_resolver() { work_->close(); }

void registry_resolver::resolve(const cluster_cache& cache, answer<digest> reply) {
  resolve_within(std::chrono::hours(1), cache, std::move(reply));
}

void registry_resolver::resolve_within(std::chrono::milliseconds limit, const cluster_cache& cache,
                                       answer<digest> reply) {
  work_->resolve(limit, cache, std::move(reply));
}

}  // namespace gkm::cluster
