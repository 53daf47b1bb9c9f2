#include "actors/operator/resolver/registry_resolver.hpp"

#include "actors/operator/resolver/resolver_work.hpp"
#include "base/fair_pool.hpp"
#include "base/program/version.hpp"
#include "k8s/client.hpp"
#include "messages/printable.hpp"

#include <map>
#include <optional>
#include <set>

namespace gkm::op {
namespace {

constexpr const char* anonymous = "anonymous";
constexpr size_t max_secrets = 16;

net::engine_options engine_options_of(const resolver_options& o) {
  net::engine_options out;
  out.user_agent = "gkm-operator/" + std::string(base::version());
  out.plain_http_hosts = o.allowed_hosts;
  out.local_addresses = false;
  out.local_hosts = o.allowed_hosts;
  out.denied_addresses = o.denied_addresses;
  out.hide_causes = true;
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

result<void> check(const cache_object& cache) {
  auto image = image_ref::parse(cache.image);
  if (!image || image->is_layout())
    return fail(errc::invalid_argument, "image '" + printable(cache.image) +
                                            "' is no reference to a registry" +
                                            (image ? "" : ": " + image.error().message));
  if (cache.pull_secrets.size() > max_secrets)
    return fail(errc::limit_exceeded, "spec.imagePullSecrets names more than " +
                                          std::to_string(max_secrets) + " secrets");
  for (const auto& name : cache.pull_secrets)
    if (auto fine = check_secret_name(name); !fine) return fine;
  return {};
}

struct question {
  image_ref image;
  std::string tenant;
  std::string secrets_ns;
  std::vector<std::string> secrets;
  std::chrono::milliseconds limit{};  ///< from its turn on; 0: it has one already
  base::fair_pool* turns = nullptr;   ///< where it waits for one
  answer<digest> reply;
  std::atomic<bool> begun = false;
  std::atomic<bool> answered = false;
  std::stop_source stop;
  std::optional<std::stop_callback<std::function<void()>>> given_up;  ///< by who asked
};

/// How registries are asked. Made anew when settings change: who asks holds it to the end.
struct reach {
  explicit reach(const resolver_options& o)
      : options(registry_options_of(o)), http(engine_options_of(o)) {}

  const oci::registry_options options;
  net::engine http;
  source_memory sources;  // stands on the engine
};

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
        memory_(options_.memory),
        reach_(std::make_shared<reach>(options_)),
        pool_(options_.turns),
        unproven_pool_(options_.unproven_turns) {}

  void resolve(const cache_object& cache, std::stop_token stop, answer<digest> reply) {
    auto q = make_question(cache, std::move(reply));
    if (!q) return;
    q->limit = options_.limit;
    q->given_up.emplace(std::move(stop), [weak = weak_from_this(), late = std::weak_ptr(q)] {
      auto self = weak.lock();
      auto open = late.lock();
      if (self && open) self->give_up(open, {errc::cancelled, "nobody asks any more", {}});
    });
    q->turns = &pool_;
    put(q);
  }

  void resolve_for(const review_caller& caller, const cache_object& cache, answer<digest> reply) {
    auto q = make_question(cache, std::move(reply));
    if (!q) return;
    // Nothing that a caller gets depends on a Secret unless it proved to be an API server.
    if (!caller.proven) q->secrets.clear();
    if (q->secrets.empty() && !q->image.pinned.empty())
      if (auto known = memory_.find(key_of(*q, q->image, {}))) return answer_one(q, *known);
    answer_after(q, std::min(caller.limit, options_.limit));
    timers_.after(caller.turn, [weak = weak_from_this(), late = std::weak_ptr(q)] {
      auto self = weak.lock();
      auto open = late.lock();
      if (self && open && !open->begun) self->give_up(open, busy());
    });
    q->turns = caller.proven ? &pool_ : &unproven_pool_;
    put(q);
  }

  void set_registries(const oci::registry_settings& now) {
    auto options = options_;
    options.allowed_hosts = now.plain_http_hosts;
    options.ca_file = now.ca_file;
    auto made = std::make_shared<reach>(options);
    std::lock_guard lock(mutex_);
    // The one before ends when nobody asks by it any more, which must not be under the lock.
    if (!closed_) reach_.swap(made);
  }

  void close() {
    std::set<question_ptr> open;
    std::shared_ptr<reach> last;
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
      open.swap(questions_);
      last = reach_;
    }
    for (const auto& q : open) give_up(q, ending());
    last->http.close();
    timers_.close();
    pool_.finish();
    unproven_pool_.finish();
  }

private:
  using question_ptr = std::shared_ptr<question>;

  static error ending() { return {errc::cancelled, "the operator is ending", {}}; }
  static error busy() {
    return {errc::busy, "too many images are being resolved: apply it again", {}};
  }

  /// Null if it was answered already.
  question_ptr make_question(const cache_object& cache, answer<digest> reply) {
    if (auto fine = check(cache); !fine) {
      reply(fail(fine.error()));
      return nullptr;
    }
    auto q = std::make_shared<question>();
    q->image = *image_ref::parse(cache.image);
    q->tenant = cache.ref.ns;
    q->secrets_ns = cache.ref.ns.empty() ? options_.own_ns : cache.ref.ns;
    q->secrets = cache.pull_secrets;
    q->reply = std::move(reply);
    {
      std::lock_guard lock(mutex_);
      if (!closed_ && questions_.insert(q).second) return q;
    }
    q->reply(fail(ending()));
    return nullptr;
  }

  void put(const question_ptr& q) {
    auto posted = q->turns->post(
        q->tenant,
        [weak = weak_from_this(), q] {
          if (auto self = weak.lock()) self->begin(q);
        },
        q->stop.get_token());
    if (!posted) answer_one(q, fail(posted.error()));
  }

  void begin(const question_ptr& q) {
    q->begun = true;
    if (q->answered) return;
    if (q->limit.count() > 0) answer_after(q, q->limit);
    auto credentials = read_secrets(*q);
    if (!credentials) return answer_one(q, fail(credentials.error()));
    auto key = key_of(*q, q->image, *credentials);
    if (auto known = memory_.find(key)) return answer_one(q, *known);
    if (joins(q, key)) return;
    auto got = ask_with_each(*q, *credentials);
    if (got) remember(*q, *credentials, *got);
    // Who asked may have been told to stop: that is no answer for the others.
    for (const auto& other : joined(*q, key))
      if (!q->stop.stop_requested())
        answer_one(other, got);
      else if (!other->answered)
        put(other);
    answer_one(q, got);
  }

  /// True if the very same question is being asked: its answer will be this one's, too.
  bool joins(const question_ptr& q, const std::string& key) {
    std::lock_guard lock(mutex_);
    auto [at, first] = asking_.try_emplace({q->turns, key});
    if (!first) at->second.push_back(q);
    return !first;
  }

  std::vector<question_ptr> joined(const question& q, const std::string& key) {
    std::lock_guard lock(mutex_);
    return std::move(asking_.extract({q.turns, key}).mapped());
  }

  /// A tag may name another digest a moment later, so that only what a digest names is remembered.
  void remember(const question& q, const std::vector<pull_credential>& credentials,
                const digest& got) {
    auto pinned = q.image;
    // What the validating webhook is about to ask.
    if (pinned.pinned.empty()) pinned.pinned = got;
    memory_.remember(key_of(q, pinned, credentials), got);
  }

  void answer_after(const question_ptr& q, std::chrono::milliseconds limit) {
    timers_.after(limit, [weak = weak_from_this(), late = std::weak_ptr(q), limit] {
      auto self = weak.lock();
      auto open = late.lock();
      if (!self || !open) return;
      self->give_up(open, {errc::unavailable,
                           "registry '" + open->image.host + "' did not answer within " +
                               std::to_string(limit.count()) + " ms",
                           {}});
    });
  }

  void give_up(const question_ptr& q, const error& why) {
    answer_one(q, fail(why));
    q->stop.request_stop();
  }

  void answer_one(const question_ptr& q, const result<digest>& outcome) {
    if (q->answered.exchange(true)) return;
    {
      std::lock_guard lock(mutex_);
      questions_.erase(q);
    }
    q->reply(outcome);
  }

  result<std::vector<pull_credential>> read_secrets(const question& q) {
    std::vector<pull_credential> all;
    for (const auto& name : q.secrets) {
      k8s::object_key key{q.secrets_ns, name};
      auto secret = read_secret(secrets_, key, q.stop.get_token());
      if (!secret && secret.error().code == errc::not_found)
        return fail(errc::not_found, "there is no Secret '" + key.str() +
                                         "', which spec.imagePullSecrets names: create it first");
      if (!secret) return fail(secret.error());
      auto read = read_pull_secret(*secret);
      // Another one may take its place without a change of the cache.
      if (!read) return fail(errc::unauthorized, read.error().message);
      all.push_back(std::move(*read));
    }
    return matching(std::move(all), q.image);
  }

  // Everything that the answer depends on, and whose turn it was. No part of it holds a line break.
  static std::string key_of(const question& q, const image_ref& image,
                            const std::vector<pull_credential>& credentials) {
    auto key = q.tenant + "\n" + image.str();
    for (const auto& one : credentials) key += "\n" + one.fingerprint;
    return key;
  }

  result<digest> ask_with_each(const question& q, const std::vector<pull_credential>& credentials) {
    if (credentials.empty()) {
      auto got = ask_as(q, anonymous, {});
      if (got || got.error().code != errc::unauthorized) return got;
    }
    for (const auto& one : credentials) {
      auto got = ask_as(q, one.fingerprint, one.store);
      if (got || got.error().code != errc::unauthorized) return got;
    }
    return fail(not_allowed(q.image, credentials));
  }

  result<digest> ask_as(const question& q, const std::string& fingerprint,
                        const oci::credential_store& store) {
    auto at = reach_now();
    auto source = at->sources.find_or_make(
        fingerprint, [&] { return oci::make_cluster_source(at->http, store, at->options); });
    return ask_registry(*source, q.image, q.stop.get_token());
  }

  std::shared_ptr<reach> reach_now() {
    std::lock_guard lock(mutex_);
    return reach_;
  }

  const secret_reader secrets_;
  const resolver_options options_;
  std::mutex mutex_;
  bool closed_ = false;
  std::set<question_ptr> questions_;
  /// Being asked: who waits for the same answer.
  std::map<std::pair<const base::fair_pool*, std::string>, std::vector<question_ptr>> asking_;
  answer_memory memory_;
  std::shared_ptr<reach> reach_;
  net::engine timers_;
  base::fair_pool pool_;
  base::fair_pool unproven_pool_;
};

registry_resolver::registry_resolver(secret_reader secrets, resolver_options options)
    : work_(std::make_shared<work>(std::move(secrets), std::move(options))) {}

registry_resolver::~registry_resolver() { work_->close(); }

void registry_resolver::set_registries(const oci::registry_settings& now) {
  work_->set_registries(now);
}

void registry_resolver::resolve(const cache_object& cache, std::stop_token stop,
                                answer<digest> reply) {
  work_->resolve(cache, std::move(stop), std::move(reply));
}

void registry_resolver::resolve_for(const review_caller& caller, const cache_object& cache,
                                    answer<digest> reply) {
  work_->resolve_for(caller, cache, std::move(reply));
}

}  // namespace gkm::op
