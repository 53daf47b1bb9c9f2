#include "actors/node/origins.hpp"

namespace gkm::node {

std::string repository_of(const image_ref& image) {
  return image.is_layout() ? "oci:" + image.repository : image.host + "/" + image.repository;
}

origins::standing origins::of(const image_plan& plan) const {
  // A layout is a folder of this machine's user.
  if (plan.image.is_layout()) return standing::proven;
  auto digest_at = known_.find(plan.manifest);
  if (digest_at == known_.end()) return standing::unknown;
  auto repository_at = digest_at->second.find(repository_of(plan.image));
  if (repository_at == digest_at->second.end()) return standing::unknown;
  return repository_at->second.contains(plan.pull_secrets) ? standing::proven : standing::known;
}

void origins::proved(const image_plan& plan) {
  if (at(plan.manifest, plan.image).insert(plan.pull_secrets).second) ++entries_;
}

void origins::recorded(const digest& manifest, const image_ref& image) { at(manifest, image); }

origins::logins& origins::at(const digest& manifest, const image_ref& image) {
  if (entries_ >= origins_max) {
    known_.clear();
    entries_ = 0;
  }
  auto [it, fresh] = known_[manifest].try_emplace(repository_of(image));
  if (fresh) ++entries_;
  return it->second;
}

}  // namespace gkm::node
