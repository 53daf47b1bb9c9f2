/// A blob on its way from a registry: exactly as many bytes as its descriptor says, resumed where a
/// connection broke.
#pragma once

#include "oci/registry/registry_client.hpp"
#include "oci/source.hpp"

namespace gkm::oci {

/// Sends the request; the stream keeps `client` alive.
result<std::unique_ptr<base::byte_stream>> open_registry_blob(
    std::shared_ptr<registry_client> client, const image_ref& ref, const descriptor& what,
    std::stop_token stop);

/// The request for all of it.
question blob_question(const image_ref& ref, const descriptor& what);

/// The first byte and the total of "bytes 5-9/10"; a total of '*' is 0.
struct content_range {
  uint64_t first = 0;
  uint64_t total = 0;
};
std::optional<content_range> parse_content_range(std::string_view text);

}  // namespace gkm::oci
