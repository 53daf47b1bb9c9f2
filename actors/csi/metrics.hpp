/// What gkm-csi counts, for Prometheus. It has no network: the text lies in a file, which the agent
/// serves with its own. Thread-safe; labels have few values.
#pragma once

#include "messages/errors.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace gkm::csi {

class metrics {
public:
  metrics();
  ~metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  /// A call of kubelet's ended: "publish" or "unpublish".
  void called(std::string_view call, errc outcome, std::chrono::nanoseconds took);
  /// Volumes that have a volume record.
  void set_volumes(size_t n);
  /// One more volume waits for its cache, or one fewer.
  void begin_waiting();
  void end_waiting();

  /// In the text format that Prometheus reads; all names begin with gkm_csi_.
  std::string print() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace gkm::csi
