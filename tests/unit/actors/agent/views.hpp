/// Short ways to say what a node knows.
#pragma once

#include "actors/agent/report_entries.hpp"

namespace gkm::node {

inline digest digest_of(char c) { return digest{std::string(64, c)}; }

inline image_ref image_of(char c) { return {"quay.io", "team/cache", "", digest_of(c)}; }

inline cache_spec spec_named(const cache_ref& ref, char image) { return {ref, image_of(image)}; }

/// A cache whose image `image` is what is wanted; `serving` is the manifest that is served, of the
/// same name unless it is another image's.
inline cache_status status_of(const cache_ref& ref, cache_state state, char image,
                              char serving = 0) {
  cache_status s;
  s.ref = ref;
  s.image = image_of(image).str();
  s.state = state;
  if (serving) {
    s.resolved = s.stored.manifest = digest_of(serving);
    s.stored.bytes = 1'000;
    s.match = {true, {{0, true, ""}, {1, false, "built for gfx90a, this is gfx942"}}};
  }
  return s;
}

inline mounted_volume volume_of(const cache_ref& ref, char manifest, const std::string& pod) {
  return {"csi-" + pod, ref, digest_of(manifest), ref.ns.empty() ? "default" : ref.ns, pod};
}

}  // namespace gkm::node
