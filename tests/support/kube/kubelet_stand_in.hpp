/// What kubelet does for the caches of one node's pods. Pods are real objects, which go through
/// admission; nothing runs in them.
#pragma once

#include "messages/cache.hpp"
#include "tests/support/csi/csi_client.hpp"
#include "tests/support/kube/kubectl.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gkm::support {

/// A pod with one container and one cache, in its volume "cache".
struct cache_pod {
  std::string ns;
  std::string name;
  cache_ref cache;
  std::string mount_path = "/cache";
  std::map<std::string, std::string> attributes{};  ///< further ones of the volume
  bool read_only = false;

  /// Bound to that node.
  std::string yaml(const std::string& node) const;
};

class kubelet_stand_in {
public:
  /// Below `root`, which is there, volumes are mounted. `driver` is the gkm-csi of the moment.
  kubelet_stand_in(const kubectl& api, std::string node, std::filesystem::path root,
                   std::function<csi_client&()> driver);

  /// Makes the object, mounts its caches, says that it runs. False, and a failed test, if not.
  bool run(const cache_pod& pod);
  /// Takes the mounts away, then the object.
  bool end(const cache_pod& pod);

  // The same in steps.
  void make(const cache_pod& pod);
  /// Its volumes of our driver, as its object has them. The first answer that is no success.
  csi_answer publish(const cache_pod& pod,
                     std::chrono::milliseconds limit = std::chrono::seconds(60));
  void say_running(const cache_pod& pod);
  csi_answer unpublish(const cache_pod& pod);
  void remove(const cache_pod& pod);

  const std::vector<pod_volume>& volumes(const cache_pod& pod) { return pods_[id(pod)]; }
  /// Where the pod sees its cache.
  std::filesystem::path mount_of(const cache_pod& pod);

private:
  static std::string id(const cache_pod& pod) { return pod.ns + '/' + pod.name; }
  std::vector<pod_volume> read(const cache_pod& pod) const;

  const kubectl& api_;
  std::string node_;
  std::filesystem::path root_;
  std::function<csi_client&()> driver_;
  std::map<std::string, std::vector<pod_volume>> pods_;  ///< by namespace and name
};

}  // namespace gkm::support
