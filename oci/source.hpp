/// Where images come from: a registry or an OCI layout on disk, behind one interface. All calls
/// block and are made from worker threads.
#pragma once

#include "base/byte_stream.hpp"
#include "messages/digest.hpp"
#include "messages/image_ref.hpp"
#include "oci/manifest.hpp"

#include <memory>
#include <stop_token>
#include <string>

namespace gkm::oci {

struct fetched_manifest {
  std::string bytes;       ///< exactly as sent; their digest is `content`
  std::string media_type;  ///< as the source states it
  digest content;
};

class source {
public:
  virtual ~source() = default;

  /// The manifest or index that `ref` names. Verified: if the reference has a digest, the bytes
  /// have it; if the source states one, they have that too. Errors: not_found, unauthorized,
  /// unavailable, corrupt, limit_exceeded; texts name the image and the remedy.
  virtual result<fetched_manifest> manifest(const image_ref& ref, std::stop_token stop) = 0;

  /// The raw bytes of a blob, NOT verified (the reader hashes them), but never more than the
  /// descriptor's size: longer or shorter is `errc::corrupt`. A broken transfer is resumed where it
  /// stopped, a bounded number of times.
  virtual result<std::unique_ptr<base::byte_stream>> blob(const image_ref& ref,
                                                          const descriptor& what,
                                                          std::stop_token stop) = 0;

  /// Whether the source says that it would give us this blob; little or nothing of it is
  /// transferred. False if it does not say so, for whatever reason that asking again does not
  /// change.
  virtual result<bool> has_blob(const image_ref&, const descriptor&, std::stop_token) {
    return false;
  }
};

/// A whole small blob (a config), verified, at most `max_bytes`.
result<std::string> read_blob(source& from, const image_ref& ref, const descriptor& what,
                              size_t max_bytes, std::stop_token stop);

}  // namespace gkm::oci
