/// What registry_resolver is made of. One question: secrets are read (client's thread), the
/// registry is asked (a worker thread), and whichever comes first, answer or time limit, is the
/// answer. For .cpp files only.
#pragma once

#include "actors/operator/fair_pool.hpp"
#include "actors/operator/pull_credentials.hpp"
#include "actors/operator/registry_resolver.hpp"
#include "k8s/object.hpp"
#include "net/http.hpp"
#include "oci/registry.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <stop_token>

namespace gkm::cluster {

/// Answers of registries, by namespace, image and credentials; a bounded number, each for a bounded
/// time. Of several who ask for the same at once one goes and asks.
class answer_memory {
public:
  using clock = std::chrono::steady_clock;
  using waiter = std::function<void(const result<digest>&)>;

  explicit answer_memory(std::chrono::milliseconds age) : age_(age) {}

  /// True: the caller is the first, and has to `settle` the key. Else `who` is called, now or then.
  bool ask(const std::string& key, waiter who);
  /// Tells all who wait. A failure is not remembered.
  void settle(const std::string& key, const result<digest>& outcome);
  /// What was learned on the side.
  void remember(const std::string& key, const digest& known);

private:
  struct entry {
    digest known;
    clock::time_point until{};
    bool open = false;
    std::vector<waiter> waiting;
  };
  void make_room();

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

/// The digest of the manifest or index that `image` names.
result<digest> ask_registry(oci::source& registry, const image_ref& image, std::stop_token stop);

}  // namespace gkm::cluster
