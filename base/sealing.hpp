/// Bytes for several named recipients, of whom each opens them with its own private key and nobody
/// else can. Raw X25519 keys, 32 bytes each.
///
/// A sealed text, numbers big-endian:
///
///   0    4  "GKS1"
///   4   32  the sender's public key, which it makes for itself at start and keeps in memory
///   36  32  salt: random, of this text alone
///   68   4  n, the number of recipients
///   72 64n  recipients in order: 16 bytes of SHA-256(name), the content key sealed for it (32 +
///   16) …       the content, sealed with the content key, and 16 bytes of tag
///
/// A recipient's wrapping key is HKDF-SHA256 of X25519(sender, recipient) with the salt and an info
/// of both public keys, `context` and the name. Content key and wrapping keys are used for one text
/// each, so that AES-256-GCM may count from zero. The content's tag also covers `context` and all
/// that stands before it: a text that was changed, cut, or put in another's place does not open.
#pragma once

#include "messages/errors.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gkm::base {

inline constexpr size_t sealing_key_bytes = 32;
inline constexpr size_t sealed_recipient_bytes = 64;
inline constexpr size_t sealed_recipients_max = 4'096;  ///< of one text

/// What stands for a name in a sealed text.
using recipient_tag = std::array<unsigned char, 16>;
recipient_tag tag_of(std::string_view name);

struct recipient {
  std::string name;
  std::string public_key;

  bool operator==(const recipient&) const = default;
};

/// A private key from the system's random numbers.
result<std::string> make_private_key();
/// `errc::invalid_argument` if it is no private key.
result<std::string> public_key_of(std::string_view private_key);

/// Seals with one key of its own, so that what it agrees on with a recipient is computed once.
/// For one thread.
class sealer {
public:
  static result<sealer> make();

  /// Recipients whose key is of no use are left out. `errc::limit_exceeded`: too many.
  result<std::string> seal(std::string_view content, std::string_view context,
                           const std::vector<recipient>& recipients);

private:
  sealer(std::string private_key, std::string public_key)
      : private_key_(std::move(private_key)), public_key_(std::move(public_key)) {}
  /// Empty: the key is of no use.
  const std::string& agreed_with(const std::string& public_key);

  static constexpr size_t agreed_max = 16'384;  ///< remembered, 64 bytes each

  std::string private_key_;
  std::string public_key_;
  std::unordered_map<std::string, std::string> agreed_;
};

/// `errc::not_found`: it is not sealed for this name and key. `errc::corrupt`: it was changed, cut,
/// or sealed in another context. `errc::malformed`: it is no sealed text.
result<std::string> open_sealed(std::string_view sealed, std::string_view context,
                                std::string_view name, std::string_view private_key);

}  // namespace gkm::base
