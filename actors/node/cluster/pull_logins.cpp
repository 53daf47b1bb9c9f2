#include "actors/node/cluster/pull_logins.hpp"

#include "base/base64.hpp"
#include "base/log.hpp"
#include "k8s/client.hpp"
#include "messages/pull_secret.hpp"
#include "net/http.hpp"
#include "oci/registry.hpp"

#include <array>
#include <condition_variable>
#include <optional>

namespace gkm::node {
namespace {

constexpr std::array pauses_for_a_copy{
    std::chrono::milliseconds{50}, std::chrono::milliseconds{150}, std::chrono::milliseconds{400}};
constexpr size_t max_missing = 1'024;

/// False if nobody waits any more.
bool sleep_for(std::chrono::milliseconds pause, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, pause, [] { return false; });
  return !stop.stop_requested();
}

/// Waits for a port's answer on a worker thread.
template <class T>
class pending_answer {
public:
  answer<T> slot() {
    return [held = held_](result<T> outcome) {
      std::lock_guard lock(held->mutex);
      held->outcome = std::move(outcome);
      held->wake.notify_all();
    };
  }
  result<T> wait(const std::stop_token& stop) {
    std::unique_lock lock(held_->mutex);
    held_->wake.wait(lock, stop, [this] { return held_->outcome.has_value(); });
    if (!held_->outcome) return fail(errc::cancelled, "Nobody waits for the pull secret any more");
    return std::move(*held_->outcome);
  }

private:
  struct shared {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::optional<result<T>> outcome;
  };
  std::shared_ptr<shared> held_ = std::make_shared<shared>();
};

/// Says, with a refusal, which of the cache's secrets were not there.
class source_without : public oci::source {
public:
  source_without(std::unique_ptr<oci::source> of, std::string missing)
      : of_(std::move(of)), missing_(std::move(missing)) {}

  result<oci::fetched_manifest> manifest(const image_ref& ref, std::stop_token stop) override {
    return explained(of_->manifest(ref, std::move(stop)));
  }
  result<std::unique_ptr<base::byte_stream>> blob(const image_ref& ref, const oci::descriptor& what,
                                                  std::stop_token stop) override {
    return explained(of_->blob(ref, what, std::move(stop)));
  }
  result<bool> has_blob(const image_ref& ref, const oci::descriptor& what,
                        std::stop_token stop) override {
    return of_->has_blob(ref, what, std::move(stop));
  }

private:
  template <class T>
  result<T> explained(result<T> outcome) const {
    if (!outcome && outcome.error().code == errc::unauthorized)
      outcome.error().message += "; of the cache's imagePullSecrets " + missing_ +
                                 " is missing: create it, and it will be tried again";
    return outcome;
  }

  const std::unique_ptr<oci::source> of_;
  const std::string missing_;
};

}  // namespace

result<oci::credential_store> logins_in(std::string_view docker_config_base64) {
  auto text = base::from_base64(docker_config_base64);
  if (!text) return fail(errc::invalid_argument, "it is not base64");
  return oci::credential_store::parse_pull_secret(*text);
}

pull_logins::pull_logins(k8s::client& client, net::engine& http,
                         const oci::registry_options& options, std::string copies_ns)
    : client_(client),
      http_(http),
      options_(options),
      copies_ns_(std::move(copies_ns)),
      anybody_(oci::make_registry_source(http, {}, options)) {}

pull_logins::~pull_logins() = default;

result<std::shared_ptr<oci::source>> pull_logins::open(const std::vector<std::string>& pull_secrets,
                                                       std::stop_token stop) {
  if (pull_secrets.empty()) return anybody_;
  oci::credential_store logins;
  std::string missing;
  for (const auto& secret : pull_secrets) {
    auto text = read(secret, stop);
    if (!text && text.error().code == errc::not_found) {
      missing += (missing.empty() ? "'" : ", '") + secret + "'";
      continue;
    }
    if (!text) return wrap(text.error(), "Failed to read pull secret '" + secret + "'");
    auto found = logins_in(*text);
    if (!found) return wrap(found.error(), "Pull secret '" + secret + "' is of no use");
    logins.add_logins(*found);
  }
  auto opened = oci::make_registry_source(http_, std::move(logins), options_);
  if (!missing.empty())
    opened = std::make_unique<source_without>(std::move(opened), std::move(missing));
  return std::shared_ptr<oci::source>(std::move(opened));
}

/// The operator copies a secret while it judges the cache that names it: a copy that was never
/// there yet may be on its way.
result<std::string> pull_logins::read(const std::string& secret, const std::stop_token& stop) {
  auto slash = secret.find('/');
  auto copy = pull_secret_copy(secret.substr(0, slash), secret.substr(slash + 1));
  auto found = read_copy(copy, stop);
  for (auto pause : pauses_for_a_copy) {
    bool on_its_way = !found && found.error().code == errc::not_found && !is_known_missing(copy);
    if (!on_its_way || !sleep_for(pause, stop)) break;
    found = read_copy(copy, stop);
  }
  note_missing(copy, !found && found.error().code == errc::not_found);
  return found;
}

bool pull_logins::is_known_missing(const std::string& copy) {
  std::lock_guard lock(mutex_);
  return missing_.contains(copy);
}

void pull_logins::note_missing(const std::string& copy, bool is_missing) {
  std::lock_guard lock(mutex_);
  if (missing_.size() >= max_missing) missing_.clear();
  if (is_missing)
    missing_.insert(copy);
  else
    missing_.erase(copy);
}

result<std::string> pull_logins::read_copy(const std::string& copy, const std::stop_token& stop) {
  pending_answer<k8s::object> asked;
  client_.get(k8s::secrets, {copies_ns_, copy}, asked.slot());
  auto found = asked.wait(stop);
  if (!found) return fail(found.error());
  for (std::string_view kind : {".dockerconfigjson", ".dockercfg"})
    if (auto text = found->text({"data", kind}); !text.empty()) return std::string(text);
  return fail(errc::invalid_argument,
              "it holds no registry login: it must be of type kubernetes.io/dockerconfigjson");
}

}  // namespace gkm::node
