/// SHA-256, streamed. A thin owner of OpenSSL's context.
#pragma once

#include "messages/digest.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace gkm::base {

class sha256 {
public:
  sha256();
  ~sha256();
  sha256(sha256&&) noexcept;
  sha256& operator=(sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  /// The digest of everything so far. Ends this object's life as a hasher.
  digest finish();

  static digest of(std::string_view bytes);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace gkm::base
