/// Where an image is: a name in a registry, or an OCI layout on this disk.
#pragma once

#include "messages/digest.hpp"
#include "messages/errors.hpp"

#include <string>
#include <string_view>
#include <tuple>

namespace gkm {

/// `[host[:port]/]path[:tag][@digest]` or `oci:dir[:tag][@digest]`. No host means docker.io, one
/// component there means library/; no tag and no digest means `latest`. A digest wins over a tag. A
/// layout without tag and digest stays without both: the only image in it is meant.
struct image_ref {
  std::string host;        ///< "quay.io", "127.0.0.1:5000", "[::1]:5000"; empty for an OCI layout
  std::string repository;  ///< "gkm/cache-examples"; for an OCI layout the directory as given
  std::string tag;         ///< empty if there is only a digest
  digest pinned;           ///< empty if there is only a tag

  static result<image_ref> parse(std::string_view text);

  bool is_layout() const { return host.empty(); }
  /// The text form, with host and tag made explicit. Parses back to an equal value.
  std::string str() const;
  /// What a manifest is asked by: the digest if there is one, else the tag.
  std::string reference() const { return pinned.empty() ? tag : pinned.str(); }

  auto operator<=>(const image_ref&) const = default;

  static constexpr auto type = "image_ref";
  static constexpr auto fields() {
    return std::tuple{&image_ref::host, &image_ref::repository, &image_ref::tag,
                      &image_ref::pinned};
  }
};

}  // namespace gkm
