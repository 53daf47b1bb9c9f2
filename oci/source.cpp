#include "oci/source.hpp"

#include "base/sha256.hpp"

namespace gkm::oci {

result<std::string> read_blob(source& from, const image_ref& ref, const descriptor& what,
                              size_t max_bytes, std::stop_token stop) {
  if (what.size_bytes > max_bytes)
    return fail(errc::limit_exceeded, "blob '" + what.content.str() + "' of '" + ref.str() +
                                          "' has " + std::to_string(what.size_bytes) +
                                          " bytes, the limit is " + std::to_string(max_bytes));
  auto stream = from.blob(ref, what, stop);
  if (!stream) return fail(stream.error());
  std::string bytes;
  bytes.reserve(what.size_bytes);
  for (;;) {
    auto next = (*stream)->next();
    if (!next) return fail(next.error());
    if (next->empty()) break;
    auto part = next->bytes();
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
    if (bytes.size() > what.size_bytes) break;
  }
  auto actual = base::sha256::of(bytes);
  if (bytes.size() != what.size_bytes || actual != what.content)
    return fail(errc::corrupt, "blob '" + what.content.str() + "' of '" + ref.str() +
                                   "' does not match its digest: the registry sent " +
                                   std::to_string(bytes.size()) + " bytes with digest '" +
                                   actual.str() + "'");
  return bytes;
}

}  // namespace gkm::oci
