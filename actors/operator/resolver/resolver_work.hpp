/// What registry_resolver is made of. For .cpp files only.
#pragma once

#include "actors/operator/resolver/pull_credentials.hpp"
#include "actors/operator/resolver/registry_resolver.hpp"
#include "k8s/objects/object.hpp"
#include "net/http.hpp"
#include "oci/registry/registry_settings.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>

namespace gkm::op {

/// Answers of registries about images that name their digest, by namespace, image and credentials;
/// a bounded number, each for a bounded time. No failure is remembered.
class answer_memory {
public:
  using clock = std::chrono::steady_clock;

  explicit answer_memory(std::chrono::milliseconds age) : age_(age) {}

  std::optional<digest> find(const std::string& key);
  void remember(const std::string& key, const digest& known);

private:
  struct entry {
    digest known;
    clock::time_point until{};
  };

  const std::chrono::milliseconds age_;
  std::mutex mutex_;
  std::map<std::string, entry> entries_;
};

/// Sources keep tokens, so the same credentials are given the same source for a while.
class source_memory {
public:
  std::shared_ptr<oci::source> find_or_make(
      const std::string& fingerprint, const std::function<std::unique_ptr<oci::source>()>& make);

private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<oci::source>> sources_;
};

/// Reads a Secret, and waits for it. errc::cancelled once `stop` is requested.
result<k8s::object> read_secret(const secret_reader& secrets, const k8s::object_key& key,
                                std::stop_token stop);

/// The digest of the manifest or index that `image` names.
result<digest> ask_registry(oci::source& registry, const image_ref& image, std::stop_token stop);

/// What to tell people whose image no credentials let us read.
error not_allowed(const image_ref& image, const std::vector<pull_credential>& tried);

}  // namespace gkm::op
