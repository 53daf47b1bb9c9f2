/// From a reference to one verified manifest: index, platform, labels. A few small requests; no layer
/// is touched.
#pragma once

#include "messages/image_ref.hpp"
#include "oci/manifest.hpp"
#include "oci/source.hpp"

#include <functional>
#include <stop_token>
#include <vector>

namespace gkm::oci {

struct resolved_image {
  image_ref ref;             ///< as asked for
  digest resolved;           ///< what the reference names: the index's digest if it is one
  digest manifest_digest;    ///< what will be extracted: the key in the store
  manifest content;
  image_config config;
  cache_hints hints;
  uint64_t layer_bytes = 0;  ///< sum of the layers' (compressed) sizes
};

/// Given what a manifest claims to be for, would a GPU of this node use it?
using target_filter = std::function<bool(const std::vector<target>&)>;

/// Of an index: entries for another platform are left out, then the first whose claimed targets pass
/// `fits`, then the first that claims nothing. If all claim and none fits: `errc::incompatible`, with
/// the targets on offer. Without a filter the platform alone decides.
result<resolved_image> resolve(source& from, const image_ref& ref, const target_filter& fits,
                               std::stop_token stop);

}  // namespace gkm::oci
