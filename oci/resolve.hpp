/// From a reference to one verified manifest: index, platform, labels. A few small requests; no
/// layer is touched.
#pragma once

#include "messages/image_ref.hpp"
#include "oci/manifest.hpp"
#include "oci/source.hpp"

#include <functional>
#include <stop_token>
#include <vector>

namespace gkm::oci {

struct resolved_image {
  image_ref ref;           ///< as asked for
  digest resolved;         ///< what the reference names: the index's digest if it is one
  digest manifest_digest;  ///< what will be extracted: the key in the store
  manifest content;
  image_config config;
  cache_hints hints;
  uint64_t layer_bytes = 0;  ///< sum of the layers' (compressed) sizes
};

/// The platform of this program as images name it: "linux", "amd64" or "arm64".
platform host_platform();
bool is_host_platform(const platform& p);

/// Given what a manifest claims to be for, would a GPU of this node use it?
using target_filter = std::function<bool(const std::vector<target>&)>;

/// Of an index: entries for another platform and attestations are left out, then the first whose
/// claimed targets pass `fits`, then the first whose claims are missing or unreadable. If all claim
/// and none fits, or none is for this platform: `errc::incompatible`, with what is on offer.
/// Without a filter the platform alone decides. An index may hold indexes, one level deep. Entries
/// whose manifest the source does not have are passed over. A single manifest is never
/// `incompatible`: the caller judges its hints.
result<resolved_image> resolve(source& from, const image_ref& ref, const target_filter& fits,
                               std::stop_token stop);

}  // namespace gkm::oci
