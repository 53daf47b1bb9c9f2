/// Who uses what: turns the records of gkm-csi into pins for the store and mounts for the caches.
///
///   per volume:  absent ──intent──▶ pinned ──mounted──▶ mounted ──record gone──▶ absent
/// A record pins its digest from the intent on, since gkm-csi opens the digest right after it; only
/// what is mounted is a pod's use.
#pragma once

#include "actors/node/ports.hpp"
#include "messages/actors/interfaces.hpp"

#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace gkm::node {

class usage_state {
public:
  using handle = usage_actor;
  static constexpr const char* name = "usage";

  /// `observe` sees each change of the records, in the order in which they come.
  using observer = std::function<void(const std::vector<volume_record_change>&)>;

  usage_state(usage_actor::pointer self, volume_records_port& port, store_actor store,
              observer observe);
  usage_actor::behavior_type make_behavior();

private:
  struct use {
    mounted_volume volume;
    bool mounted = false;

    bool pins() const { return !volume.manifest.empty(); }
    bool operator==(const use&) const = default;
  };

  void subscribe(volume_listener_actor listener);
  void learned(const std::vector<volume_record_change>& changes);
  void tell(const std::optional<use>& before, const std::optional<use>& now);
  template <class... Ts>
  void tell_listeners(const Ts&... message);

  usage_actor::pointer self_;
  volume_records_port& port_;
  const store_actor store_;
  const observer observe_;
  std::vector<volume_listener_actor> listeners_;
  bool listed_ = false;
  std::map<std::string, use> known_;  ///< by key
};

}  // namespace gkm::node
