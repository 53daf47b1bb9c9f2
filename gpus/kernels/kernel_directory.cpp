#include "gpus/kernels/kernel_directory.hpp"

#include "gpus/quote.hpp"

#include <algorithm>
#include <set>

namespace gkm::gpus {
namespace {

// A Triton directory holds one kernel. A directory that holds thousands loses detail, not memory.
constexpr size_t max_targets_here = max_targets;
constexpr size_t max_open_here = 256;

template <class Map>
bool has_room(const Map& map, const typename Map::key_type& key) {
  return map.size() < max_targets_here || map.count(key) > 0;
}

}  // namespace

void kernel_directory::add_image(std::string_view stem, const found_kernel& kernel) {
  const auto& t = kernel.info.built_for;
  if (kernel.open_suffix && open_.size() < max_open_here)
    open_.emplace_back(stem, t);
  else if (has_room(images_, t))
    ++images_[t];
}

void kernel_directory::add_json(std::string_view name, const target& t) {
  if (!has_room(json_, t)) return;
  auto& claim = json_[t];
  if (claim.kernels++ == 0) claim.example = name;
}

void kernel_directory::add_ptx(std::string_view stem, const cuda_arch& arch) {
  if (arch.suffix != 0 && ptx_.size() < max_open_here) ptx_.emplace(stem, arch);
}

kernel_directory::counts kernel_directory::images_with_suffix() const {
  auto out = images_;
  for (const auto& [stem, built_for] : open_) {
    auto t = built_for;
    const auto ptx = ptx_.find(stem);
    const auto arch = parse_cuda_arch(t.arch);
    if (ptx != ptx_.end() && arch && ptx->second.sm == arch->sm) t.arch = ptx->second.str();
    ++out[t];
  }
  return out;
}

target kernel_directory::with_warp_size(target t) const {
  std::set<uint32_t> stated;
  for (const auto& [claimed, claim] : json_)
    if (claimed.warp_size != 0 && agree(claimed, t)) stated.insert(claimed.warp_size);
  if (stated.size() == 1) t.warp_size = *stated.begin();
  return t;
}

void kernel_directory::settle(target_tally& tally) const {
  const auto images = images_with_suffix();
  for (const auto& [t, kernels] : images) tally.add_image(with_warp_size(t), kernels);
  for (const auto& [t, claim] : json_) {
    if (images.empty()) {
      tally.add_json(t, claim.kernels);
      continue;
    }
    const bool borne_out = std::any_of(images.begin(), images.end(),
                                       [&, &t = t](const auto& x) { return agree(x.first, t); });
    if (!borne_out)
      tally.add_problem(in_quotes(path_.empty() ? claim.example : path_ + "/" + claim.example) +
                        " says " + t.str() + ", the kernel beside it is built for " +
                        images.begin()->first.str());
  }
}

}  // namespace gkm::gpus
