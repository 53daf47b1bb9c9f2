#include "actors/operator/resolver/resolver_work.hpp"

#include "messages/json/json_values.hpp"

#include <condition_variable>

namespace gkm::op {
namespace {

constexpr size_t max_answers = 1'024;
constexpr size_t max_sources = 32;

}  // namespace

std::optional<digest> answer_memory::find(const std::string& key) {
  std::lock_guard lock(mutex_);
  auto at = entries_.find(key);
  if (at == entries_.end() || at->second.until <= clock::now()) return std::nullopt;
  return at->second.known;
}

void answer_memory::remember(const std::string& key, const digest& known) {
  std::lock_guard lock(mutex_);
  auto now = clock::now();
  if (entries_.size() >= max_answers)
    std::erase_if(entries_, [now](const auto& e) { return e.second.until <= now; });
  if (entries_.size() >= max_answers) entries_.clear();
  entries_[key] = {known, now + age_};
}

std::shared_ptr<oci::source> source_memory::find_or_make(
    const std::string& fingerprint, const std::function<std::unique_ptr<oci::source>()>& make) {
  std::lock_guard lock(mutex_);
  if (auto at = sources_.find(fingerprint); at != sources_.end()) return at->second;
  if (sources_.size() >= max_sources) sources_.clear();
  return sources_[fingerprint] = make();
}

result<k8s::object> read_secret(const secret_reader& secrets, const k8s::object_key& key,
                                std::stop_token stop) {
  struct meeting {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::optional<result<k8s::object>> outcome;
  };
  auto at = std::make_shared<meeting>();
  secrets(key, [at](result<k8s::object> secret) {
    {
      std::lock_guard lock(at->mutex);
      at->outcome = std::move(secret);
    }
    at->changed.notify_all();
  });
  std::unique_lock lock(at->mutex);
  at->changed.wait(lock, stop, [&] { return at->outcome.has_value(); });
  if (at->outcome) return std::move(*at->outcome);
  return fail(errc::cancelled, "reading Secret '" + key.str() + "' was cancelled");
}

result<digest> ask_registry(oci::source& registry, const image_ref& image, std::stop_token stop) {
  auto got = registry.manifest(image, stop);
  if (!got) return fail(got.error());
  if (json::count_values(got->bytes) > resolver_manifest_values_max)
    return fail(errc::malformed, "it is no image: its manifest has more than " +
                                     std::to_string(resolver_manifest_values_max) + " values");
  // Nothing else may be pinned: nodes could not use it.
  auto list = oci::is_index(got->bytes, got->media_type);
  if (!list) return wrap(list.error(), "it is no image");
  if (*list) return got->content;
  auto manifest = oci::parse_manifest(got->bytes);
  if (!manifest) return wrap(manifest.error(), "it is no image");
  return got->content;
}

error not_allowed(const image_ref& image, const std::vector<pull_credential>& tried) {
  auto text = "registry '" + image.host + "' does not let GKM read '" + image.repository + "'";
  if (tried.empty())
    return {errc::unauthorized,
            text +
                ": no secret of spec.imagePullSecrets has credentials for it: name one that has, "
                "or check the name, as registries hide what does not exist",
            {}};
  text += " with the credentials in Secret ";
  for (const auto& one : tried) text += (&one == tried.data() ? "'" : ", '") + one.secret + "'";
  return {errc::unauthorized, text + ": renew them, or ask for access to the repository", {}};
}

}  // namespace gkm::op
