/// The resolver of an operator that asks no registry: digests come from admission alone.
#pragma once

#include "actors/operator/ports.hpp"

namespace gkm::cluster {

class pinned_only : public resolver_port {
public:
  void resolve(const cluster_cache& cache, answer<digest> reply) override {
    // An image that names its digest needs nobody to find it.
    auto ref = image_ref::parse(cache.image);
    if (!ref) return reply(fail(ref.error()));
    if (!ref->pinned.empty()) return reply(ref->pinned);
    reply(fail(errc::unavailable,
               "Nobody resolved the image '" + cache.image +
                   "' when the object was created: name it by digest, or configure GKM's webhooks "
                   "and apply it again"));
  }
};

}  // namespace gkm::cluster
