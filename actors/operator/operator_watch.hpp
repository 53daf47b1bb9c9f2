/// Reads the cluster for the operator: what watches tell becomes messages to the caches actor. One
/// long watch per kind of object, narrowed where the API server can; nothing is kept here but
/// names.
#pragma once

#include "actors/operator/config_values.hpp"
#include "actors/operator/metrics.hpp"
#include "k8s/watcher.hpp"
#include "messages/actors/interfaces.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace gkm::op {

class operator_watch {
public:
  /// `configured` is called from the client's thread, with every change. Both `client` and
  /// `counts` must outlive this.
  operator_watch(k8s::client& client, caches_actor to, const std::string& own_ns, metrics& counts,
                 std::function<void(const config_data&)> configured);
  ~operator_watch();
  operator_watch(const operator_watch&) = delete;
  operator_watch& operator=(const operator_watch&) = delete;

  /// No message comes after this returns.
  void stop();
  /// True from the moment on when everything was told once.
  bool has_synced() const { return synced_; }

private:
  void watch_caches(k8s::client& client, const k8s::resource& what);
  void watch_reports(k8s::client& client, const k8s::resource& what);
  void watch_nodes(k8s::client& client);
  void watch_namespaces(k8s::client& client);
  void watch_config(k8s::client& client, const std::string& own_ns);
  void add(k8s::client& client, const k8s::resource& what, k8s::selection which,
           k8s::watch_callbacks callbacks);
  void count(const k8s::resource& what, const k8s::object_key& key, bool exists);
  void trouble(const k8s::resource& what, const error* why);
  void announce_synced();

  caches_actor to_;
  metrics& metrics_;
  std::function<void(const config_data&)> configured_;
  // Touched from the client's thread alone.
  size_t unsynced_ = 0;
  std::set<std::string_view> broken_;
  std::map<std::string_view, std::set<k8s::object_key>> known_;
  bool whole_ = false;
  std::atomic<bool> synced_ = false;
  std::vector<std::unique_ptr<k8s::watcher>> watchers_;
};

/// What counts of a Node object.
node_facts facts_of(const k8s::object& node);

}  // namespace gkm::op
