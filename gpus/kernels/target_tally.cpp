#include "gpus/kernels/target_tally.hpp"

#include "gpus/arch.hpp"

#include <algorithm>
#include <set>

namespace gkm::gpus {

void target_tally::add(counts& where, const target& t, uint64_t kernels) {
  auto known = where.find(t);
  if (known != where.end())
    known->second += kernels;
  else if (images_.size() + json_.size() < max_targets)
    where.emplace(t, kernels);
  else
    dropped_kernels_ += kernels;
}

void target_tally::add_problem(std::string text) {
  if (problems_.size() < max_problems)
    problems_.push_back(std::move(text));
  else
    ++more_problems_;
}

// An image never states a warp size; where exactly one is stated for its target, that is it.
target_tally::counts target_tally::merge(const counts& images, const counts& json) {
  auto with_warp_size = [&](target t) {
    std::set<uint32_t> stated;
    for (const auto* side : {&images, &json})
      for (const auto& [other, kernels] : *side)
        if (other.warp_size != 0 && agree(t, other)) stated.insert(other.warp_size);
    if (t.warp_size == 0 && stated.size() == 1) t.warp_size = *stated.begin();
    return t;
  };
  counts out;
  for (const auto& [t, kernels] : images) out[with_warp_size(t)] += kernels;
  const counts told_by_images = out;
  for (const auto& [t, kernels] : json) {
    auto same = std::find_if(told_by_images.begin(), told_by_images.end(),
                             [&, &t = t](const auto& x) { return agree(x.first, t); });
    out[same == told_by_images.end() ? t : same->first] += kernels;
  }
  return out;
}

target_report target_tally::report() const {
  target_report out;
  for (const auto& [t, kernels] : merge(images_, json_)) {
    out.targets.push_back(t);
    out.kernels[t.str()] += kernels;
    out.kernel_count += kernels;
  }
  out.kernel_count += dropped_kernels_;
  out.problems = problems_;
  if (dropped_kernels_ > 0)
    out.problems.push_back("more than " + std::to_string(max_targets) + " targets; " +
                           std::to_string(dropped_kernels_) + " kernels are left out");
  if (more_problems_ > 0)
    out.problems.push_back("and " + std::to_string(more_problems_) + " more problems");
  return out;
}

}  // namespace gkm::gpus
