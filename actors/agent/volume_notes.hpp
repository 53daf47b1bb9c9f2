/// Turns the notes that gkm-csi writes into volume records, as it has no network, into events on
/// pods.
#pragma once

#include "actors/node/ports.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gkm::node {

/// Used by one thread at a time.
class volume_notes {
public:
  using poster = std::function<void(const volume_record&, const volume_note&)>;

  volume_notes(clock_port& clock, poster post) : clock_(clock), post_(std::move(post)) {}

  /// Posts each note once. The first call has every record that exists: the notes of old records
  /// are taken as posted before this process started.
  void update(const std::vector<volume_record_change>& changes);
  size_t mounted() const { return posted_.size(); }

private:
  clock_port& clock_;
  const poster post_;
  bool listed_ = false;
  std::map<std::string, size_t> posted_;  ///< notes of each mounted volume, by its key
};

}  // namespace gkm::node
