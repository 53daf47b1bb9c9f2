/// A cluster's caches and node reports, read by watches and followed for as long as this lives.
#pragma once

#include "cli/cluster/cluster_snapshot.hpp"
#include "messages/errors.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gkm::k8s {
class client;
class object;
class watcher;
struct object_key;
struct resource;
struct selection;
}  // namespace gkm::k8s

namespace gkm::cli {

/// What is asked of a cluster.
struct cluster_scope {
  std::string ns;            ///< of GKMCaches; empty: all
  std::string name;          ///< of caches; empty: all
  std::string selector;      ///< of caches' labels
  bool with_cluster = true;  ///< ClusterGKMCaches, too
};

class cluster_feed {
public:
  /// `from` must outlive this.
  cluster_feed(k8s::client& from, cluster_scope scope);
  ~cluster_feed();
  cluster_feed(const cluster_feed&) = delete;
  cluster_feed& operator=(const cluster_feed&) = delete;

  /// Returns once everything was told that there is, or why it cannot be, with what helps. Whoever
  /// may not see ClusterGKMCaches sees the rest, and a note.
  result<void> wait_until_whole();
  /// Returns once there is something new, or after `limit`.
  void wait_for_news(std::chrono::milliseconds limit);
  /// Nothing changes while `f` looks.
  void look(const std::function<void(cluster_snapshot&)>& f);

  /// What is not shown, and why.
  std::vector<std::string> notes() const;
  /// Why changes do not arrive at the moment; empty while they do.
  std::string trouble() const;

private:
  enum class progress : uint8_t { listing, whole, left_out };
  struct source {
    const k8s::resource* what;
    std::unique_ptr<k8s::watcher> watch;
    progress stands = progress::listing;
    uint32_t failures = 0;
    std::string trouble{};
  };

  void follow(const k8s::resource& what, const k8s::selection& which);
  void changed(const k8s::resource& what, const k8s::object& o);
  void deleted(const k8s::resource& what, const k8s::object_key& key);
  void failed(source& s, const error& why);
  void notify();

  k8s::client& from_;
  const cluster_scope scope_;
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  std::vector<std::unique_ptr<source>> sources_;
  cluster_snapshot picture_;
  std::map<std::string, std::string> unreadable_;  ///< by object
  std::optional<error> failure_;
  bool news_ = false;
};

}  // namespace gkm::cli
