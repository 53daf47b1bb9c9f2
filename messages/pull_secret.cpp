#include "messages/pull_secret.hpp"

#include <openssl/evp.h>

#include <array>

namespace gkm {

std::string pull_secret_namespace(std::string_view own_ns) {
  constexpr std::string_view usual_end = "-system";
  if (own_ns.ends_with(usual_end)) own_ns.remove_suffix(usual_end.size());
  return std::string(own_ns) + "-pull-secrets";
}

std::string pull_secret_copy(std::string_view ns, std::string_view name) {
  constexpr size_t kept_bytes = 20;  // as hard to collide as a name needs, and short
  // Neither may hold a '/', so this text belongs to one pair only.
  auto text = std::string(ns) + "/" + std::string(name);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  std::string copy = "gkm-pull-";
  for (size_t i = 0; i < kept_bytes; ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    copy += digits[hash[i] >> 4U];
    copy += digits[hash[i] & 0xfU];
  }
  return copy;
}

}  // namespace gkm
