/// What the completion of one pod has cost so far, and whether it may go on. For .cpp files only.
#pragma once

#include "actors/operator/admission/pod_admission.hpp"

#include <string>
#include <vector>

namespace gkm::op {

class pod_work {
public:
  explicit pod_work(const pod_limits& limits) : limits_(limits) {}

  /// Counts one volume, mount, variable or name that is looked at. False once the pod is given up.
  bool step() {
    constexpr size_t steps_between_looks = 256;
    if (is_given_up()) return false;
    if (steps_++ % steps_between_looks == 0 && std::chrono::steady_clock::now() >= limits_.until)
      give_up("it took longer than the API server waits");
    return !is_given_up();
  }
  /// Counts bytes that are added to the patch.
  bool add_bytes(size_t count) {
    bytes_ += count;
    if (bytes_ > limits_.patch_bytes)
      give_up("it would add more than " + std::to_string(limits_.patch_bytes) + " bytes");
    return !is_given_up();
  }
  bool add_volume() {
    if (++volumes_ > limits_.further_volumes)
      give_up("its caches are mounted at more than " + std::to_string(limits_.further_volumes) +
              " further paths");
    return !is_given_up();
  }
  /// As many as are shown.
  void warn(std::string text) {
    if (warnings_.size() < pod_warnings_max) warnings_.push_back(std::move(text));
  }

  bool is_given_up() const { return !why_.empty(); }
  const std::string& why() const { return why_; }
  size_t steps() const { return steps_; }
  std::vector<std::string> take_warnings() { return std::move(warnings_); }

private:
  void give_up(std::string why) {
    if (why_.empty()) why_ = std::move(why);
  }

  const pod_limits limits_;
  size_t steps_ = 0;
  size_t bytes_ = 0;
  size_t volumes_ = 0;
  std::string why_;
  std::vector<std::string> warnings_;
};

}  // namespace gkm::op
