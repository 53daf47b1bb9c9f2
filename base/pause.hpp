/// A pause after a failure, which better news may cut short. Cut short and begun anew, it has more
/// than one timer on its way: whom a timer wakes asks whether the pause still lasts, so that only
/// the last timer counts.
#pragma once

#include <chrono>

namespace gkm::base {

class pause {
public:
  using time = std::chrono::steady_clock::time_point;

  void begin(time now, std::chrono::milliseconds length) { ends_ = now + length; }
  void cut_short() { ends_ = {}; }
  bool lasts(time now) const { return now < ends_; }

private:
  time ends_{};
};

}  // namespace gkm::base
