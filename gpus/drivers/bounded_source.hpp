/// A source that may hang: asked on a thread of its own, waited for only so long.
#pragma once

#include "gpus/drivers/source.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

namespace gkm::gpus {

class bounded_source {
public:
  using deadline = std::chrono::steady_clock::time_point;

  /// `answered_late` is called, from that thread, when a scan ends that nobody waited for any more:
  /// time to ask again. Neither function may need what may be gone before a hung driver lets go.
  bounded_source(std::function<source_report()> scan, std::function<void()> answered_late);

  /// Begins a scan, unless an earlier one still hangs.
  void ask();
  /// The scan's outcome; nothing if there is none by then.
  std::optional<source_report> answer(deadline until);

private:
  struct state;
  // Shared with the thread, which outlives this object if the driver never answers.
  std::shared_ptr<state> state_;
};

}  // namespace gkm::gpus
