#include "messages/pull_secret.hpp"

#include <openssl/evp.h>

#include <array>
#include <charconv>

namespace gkm {
namespace {

constexpr std::string_view first_of_name = "gkm-pull-";
constexpr size_t hash_bytes = 20;  // as hard to collide as a name needs, and short
constexpr size_t copy_chars = first_of_name.size() + 2 * hash_bytes;

std::array<unsigned char, EVP_MAX_MD_SIZE> sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  return hash;
}

}  // namespace

std::string pull_secret_namespace(std::string_view own_ns) {
  constexpr std::string_view usual_end = "-system";
  if (own_ns.ends_with(usual_end)) own_ns.remove_suffix(usual_end.size());
  return std::string(own_ns) + "-pull-secrets";
}

std::string pull_secret_copy(std::string_view ns, std::string_view name) {
  // Neither may hold a '/', so this text belongs to one pair only.
  auto hash = sha256(std::string(ns) + "/" + std::string(name));
  std::string copy(first_of_name);
  for (size_t i = 0; i < hash_bytes; ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    copy += digits[hash[i] >> 4U];
    copy += digits[hash[i] & 0xfU];
  }
  return copy;
}

uint16_t pull_secret_mark(std::string_view node) {
  auto hash = sha256(node);
  return static_cast<uint16_t>(hash[0] << 8U | hash[1]);
}

std::string pull_secret_part_name(const std::string& copy, size_t part) {
  return part == 0 ? copy : copy + "-" + std::to_string(part);
}

std::optional<pull_secret_part> parse_pull_secret_part(std::string_view name) {
  if (!name.starts_with(first_of_name) || name.size() < copy_chars) return std::nullopt;
  pull_secret_part found{std::string(name.substr(0, copy_chars)), 0};
  auto rest = name.substr(copy_chars);
  if (!rest.empty()) std::from_chars(rest.data() + 1, rest.data() + rest.size(), found.part);
  if (found.part >= pull_secret_parts_max || pull_secret_part_name(found.copy, found.part) != name)
    return std::nullopt;
  return found;
}

}  // namespace gkm
