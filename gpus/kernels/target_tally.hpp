/// The count of what a scan has found: targets by ELF image, by JSON alone, and problems. Bounded.
#pragma once

#include "gpus/kernels/targets.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gkm::gpus {

inline constexpr size_t max_targets = 64;
inline constexpr size_t max_problems = 16;

class target_tally {
public:
  void add_image(const target& t, uint64_t kernels = 1) { add(images_, t, kernels); }
  /// Kernels that only a JSON file tells of.
  void add_json(const target& t, uint64_t kernels) { add(json_, t, kernels); }
  void add_problem(std::string text);

  /// Targets that can be one are made one: an image's gfx90a and a JSON's gfx90a with warp size 64.
  target_report report() const;

private:
  using counts = std::map<target, uint64_t>;
  static counts merge(const counts& images, const counts& json);
  void add(counts& where, const target& t, uint64_t kernels);

  counts images_;
  counts json_;
  uint64_t dropped_kernels_ = 0;
  std::vector<std::string> problems_;
  uint64_t more_problems_ = 0;
};

}  // namespace gkm::gpus
