#include "base/sha256.hpp"

#include "base/text.hpp"

#include <openssl/evp.h>

#include <array>
#include <new>

namespace gkm::base {

struct sha256::impl {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  impl() {
    if (!evp || EVP_DigestInit_ex(evp, EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
  }
  ~impl() { EVP_MD_CTX_free(evp); }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
};

sha256::sha256() : impl_(std::make_unique<impl>()) {}
sha256::~sha256() = default;
sha256::sha256(sha256&&) noexcept = default;
sha256& sha256::operator=(sha256&&) noexcept = default;

void sha256::update(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(impl_->evp, bytes.data(), bytes.size());
}

digest sha256::finish() {
  constexpr size_t digest_bytes = 32;
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  EVP_DigestFinal_ex(impl_->evp, raw.data(), nullptr);
  return digest{to_hex(std::span(raw).first<digest_bytes>())};
}

digest sha256::of(std::string_view bytes) {
  sha256 h;
  h.update(std::as_bytes(std::span(bytes.data(), bytes.size())));
  return h.finish();
}

}  // namespace gkm::base
