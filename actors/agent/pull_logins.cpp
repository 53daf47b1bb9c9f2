#include "actors/agent/pull_logins.hpp"

#include "actors/agent/registry_reach.hpp"
#include "base/base64.hpp"
#include "base/sealing.hpp"
#include "k8s/client.hpp"
#include "messages/pull_secret.hpp"
#include "oci/registry/registry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <optional>

namespace gkm::node {
namespace {

constexpr std::array pauses_for_a_copy{
    std::chrono::milliseconds{50}, std::chrono::milliseconds{150}, std::chrono::milliseconds{400}};
constexpr size_t max_missing = 1'024;

bool is_missing(const error& e) { return e.code == errc::not_found || e.code == errc::unavailable; }

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

result<std::string> open_copy(const k8s::object& part, const pull_logins::sealed_copies& ours) {
  auto sealed = base::from_base64(part.text({"data", pull_secret_sealed_field}));
  if (part.text({"type"}) != pull_secret_type || !sealed)
    return fail(errc::unavailable,
                "Its copy is not sealed: it is of an operator of another version, which will write "
                "it anew once it is updated");
  auto opened = base::open_sealed(*sealed, part.name(), ours.node, ours.private_key);
  if (opened) return opened;
  return fail(errc::unavailable, "Its copy does not open: " + opened.error().message +
                                     "; the operator seals it once it has seen the node's key and "
                                     "that the cache is to be here");
}

pull_logins::pull_logins(k8s::client& client, reachable_registries& registries,
                         sealed_copies copies)
    : client_(client), registries_(registries), copies_(std::move(copies)) {}

pull_logins::~pull_logins() = default;

result<std::shared_ptr<oci::source>> pull_logins::open(const std::vector<std::string>& pull_secrets,
                                                       std::stop_token stop) {
  if (pull_secrets.empty()) return registries_.open();
  oci::credential_store logins;
  std::string missing;
  for (const auto& secret : pull_secrets) {
    auto text = read(secret, stop);
    if (!text && text.error().code == errc::not_found) {
      missing += (missing.empty() ? "'" : ", '") + secret + "'";
      continue;
    }
    if (!text) return wrap(text.error(), "Failed to read pull secret '" + secret + "'");
    auto found = oci::credential_store::parse_pull_secret(*text);
    if (!found) return wrap(found.error(), "Pull secret '" + secret + "' is of no use");
    logins.add_logins(*found);
  }
  if (missing.empty()) return registries_.open(std::move(logins));
  return registries_.open(std::move(logins), [&](std::unique_ptr<oci::source> opened) {
    return std::make_unique<source_without>(std::move(opened), std::move(missing));
  });
}

/// The operator copies a secret while it judges the cache that names it: a copy that was never
/// there for us yet may be on its way.
result<std::string> pull_logins::read(const std::string& secret, const std::stop_token& stop) {
  auto slash = secret.find('/');
  auto copy = pull_secret_copy(secret.substr(0, slash), secret.substr(slash + 1));
  auto found = read_copy(copy, stop);
  for (auto pause : pauses_for_a_copy) {
    if (found || !is_missing(found.error()) || is_known_missing(copy)) break;
    if (!sleep_for(pause, stop)) break;
    found = read_copy(copy, stop);
  }
  note_missing(copy, !found && is_missing(found.error()));
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
  auto first = read_part(copy, 0, stop);
  if (!first) return fail(first.error());
  size_t parts = 1;
  auto text = first->annotation(pull_secret_parts_annotation);
  std::from_chars(text.data(), text.data() + text.size(), parts);
  auto own = pull_secret_part_of(pull_secret_mark(copies_.node),
                                 std::clamp<size_t>(parts, 1, pull_secret_parts_max));
  if (own == 0) return open_copy(*first, copies_);
  auto found = read_part(copy, own, stop);
  // Part 0 speaks of it: nobody of that part is to have the secret, yet.
  if (!found && found.error().code == errc::not_found)
    return fail(errc::unavailable, "It is not sealed for this node");
  if (!found) return fail(found.error());
  return open_copy(*found, copies_);
}

result<k8s::object> pull_logins::read_part(const std::string& copy, size_t part,
                                           const std::stop_token& stop) {
  pending_answer<k8s::object> asked;
  client_.get(k8s::secrets, {copies_.ns, pull_secret_part_name(copy, part)}, asked.slot());
  return asked.wait(stop);
}

}  // namespace gkm::node
