/// The reading half of the agent's bridge: five long watches, of caches of both kinds, of our own
/// Node and of our own reports of both kinds, become messages to the node and its reporter.
///
/// A watch that breaks is resumed, or listed anew, by itself; until then nothing is taken back.
#pragma once

#include "actors/agent/wanted_caches.hpp"
#include "messages/actors/interfaces.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::k8s {
class client;
class object;
class watcher;
struct resource;
struct watch_callbacks;
}  // namespace gkm::k8s

namespace gkm::node {

class metrics;

class agent_watch {
public:
  struct readers {
    node_actor node;
    node_reporter_actor reporter;
  };

  /// `client` and `counts` must outlive this.
  agent_watch(k8s::client& client, readers to, const std::string& node_name,
              const std::string& own_ns, metrics& counts);
  ~agent_watch();
  agent_watch(const agent_watch&) = delete;
  agent_watch& operator=(const agent_watch&) = delete;

  /// True once all that is wanted of this node has been said. From any thread.
  bool has_synced() const { return synced_; }

private:
  void watch_caches(k8s::client& client, const k8s::resource& what);
  void watch_reports(k8s::client& client, const k8s::resource& what);
  void watch_node(k8s::client& client);
  void add(k8s::client& client, const k8s::resource& what, bool own_only,
           k8s::watch_callbacks callbacks);
  void trouble(const k8s::resource& what, const std::string* why);
  void caches_listed(const k8s::resource& what);
  void reports_listed(const k8s::resource& what);
  void announce_synced();

  const std::string node_name_;
  const readers to_;
  metrics& metrics_;
  // Touched from the client's thread alone.
  wanted_caches wanted_;
  std::vector<std::string_view> unlisted_caches_;
  std::vector<std::string_view> unlisted_reports_;
  std::set<std::string_view> broken_;  ///< and complained about
  std::string node_uid_;
  std::atomic<bool> synced_ = false;
  std::vector<std::unique_ptr<k8s::watcher>> watchers_;
};

}  // namespace gkm::node
