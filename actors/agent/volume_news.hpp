/// What the volume records tell besides what is in use: which pods a report lists, and what
/// gkm-csi, which has no network, wants people to read about their pods.
#pragma once

#include "actors/node/ports.hpp"
#include "messages/actors/interfaces.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace gkm::node {

/// Of one thread at a time.
class volume_news {
public:
  /// A note of gkm-csi about the volume of a pod.
  using pod_event = std::function<void(const volume_record&, const volume_note&)>;

  volume_news(node_reporter_actor reporter, clock_port& clock, pod_event tell)
      : reporter_(std::move(reporter)), clock_(clock), tell_(std::move(tell)) {}

  /// The first call has every record there is. Of those, what is old was told by an earlier life.
  void heard(const std::vector<volume_record_change>& changes);
  size_t mounted() const { return volumes_.size(); }

private:
  struct volume {
    mounted_volume use;
    size_t notes_told = 0;
  };

  void mounted_is(const std::string& key, const volume_record& record);
  void gone_is(const std::string& key);

  node_reporter_actor reporter_;
  clock_port& clock_;
  pod_event tell_;
  bool listed_ = false;
  std::map<std::string, volume> volumes_;  ///< mounted ones, by key
};

/// Lets somebody look at the records on their way to the actor that asked for them.
class observed_usage : public volume_records_port {
public:
  using observer = std::function<void(const std::vector<volume_record_change>&)>;

  /// `of` must outlive this.
  observed_usage(volume_records_port& of, observer first) : of_(of), first_(std::move(first)) {}
  void watch(std::function<void(std::vector<volume_record_change>)> changed) override {
    of_.watch(
        [first = first_, changed = std::move(changed)](std::vector<volume_record_change> changes) {
          first(changes);
          changed(std::move(changes));
        });
  }

private:
  volume_records_port& of_;
  observer first_;
};

/// The same for the inventory.
class observed_inventory : public inventory_port {
public:
  using observer = std::function<void(const result<std::vector<gpu>>&)>;

  observed_inventory(inventory_port& of, observer first) : of_(of), first_(std::move(first)) {}
  void watch(std::function<void(result<std::vector<gpu>>)> changed) override {
    of_.watch([first = first_, changed = std::move(changed)](result<std::vector<gpu>> seen) {
      first(seen);
      changed(std::move(seen));
    });
  }

private:
  inventory_port& of_;
  observer first_;
};

}  // namespace gkm::node
