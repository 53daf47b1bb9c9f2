#include "base/sealing.hpp"

#include "base/freed_by.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

namespace gkm::base {
namespace {

constexpr std::string_view magic = "GKS1";
constexpr size_t salt_bytes = 32;
constexpr size_t count_bytes = 4;
constexpr size_t tag_bytes = 16;
constexpr size_t sender_at = 4;
constexpr size_t salt_at = sender_at + sealing_key_bytes;
constexpr size_t count_at = salt_at + salt_bytes;
constexpr size_t recipients_at = count_at + count_bytes;
constexpr size_t wrapped_bytes = sealing_key_bytes + tag_bytes;
static_assert(sizeof(recipient_tag) + wrapped_bytes == sealed_recipient_bytes);

using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using key_context = std::unique_ptr<EVP_PKEY_CTX, freed_by<EVP_PKEY_CTX_free>>;
using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, freed_by<EVP_CIPHER_CTX_free>>;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

/// Wiped when it goes.
class secret_bytes {
public:
  explicit secret_bytes(size_t size) : text(size, '\0') {}
  ~secret_bytes() { OPENSSL_cleanse(text.data(), text.size()); }
  secret_bytes(const secret_bytes&) = delete;
  secret_bytes& operator=(const secret_bytes&) = delete;

  std::string text;
};

bool fill_random(std::string& text) {
  return RAND_bytes(bytes(text), static_cast<int>(text.size())) == 1;
}

key_ptr private_key_in(std::string_view raw) {
  return key_ptr(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, bytes(raw), raw.size()));
}

/// X25519, which refuses keys with which everybody would agree on the same. Empty: it did.
std::string agree(std::string_view private_key, std::string_view public_key) {
  auto own = private_key_in(private_key);
  key_ptr other(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, bytes(public_key), public_key.size()));
  key_context derive(own ? EVP_PKEY_CTX_new(own.get(), nullptr) : nullptr);
  std::string shared(sealing_key_bytes, '\0');
  size_t size = shared.size();
  bool agreed = other && derive && EVP_PKEY_derive_init(derive.get()) == 1 &&
                EVP_PKEY_derive_set_peer(derive.get(), other.get()) == 1 &&
                EVP_PKEY_derive(derive.get(), bytes(shared), &size) == 1;
  ERR_clear_error();
  return agreed ? shared : std::string();
}

bool expand(std::string_view shared, std::string_view salt, std::string_view info,
            std::string& key) {
  key_context kdf(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  size_t size = key.size();
  auto length = [](std::string_view text) { return static_cast<int>(text.size()); };
  return kdf && EVP_PKEY_derive_init(kdf.get()) == 1 &&
         EVP_PKEY_CTX_set_hkdf_md(kdf.get(), EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set1_hkdf_salt(kdf.get(), bytes(salt), length(salt)) == 1 &&
         EVP_PKEY_CTX_set1_hkdf_key(kdf.get(), bytes(shared), length(shared)) == 1 &&
         EVP_PKEY_CTX_add1_hkdf_info(kdf.get(), bytes(info), length(info)) == 1 &&
         EVP_PKEY_derive(kdf.get(), bytes(key), &size) == 1;
}

/// Names and contexts hold no byte 0, so that no two of these are one text.
std::string info_of(std::string_view sender, std::string_view recipient_key,
                    std::string_view context, std::string_view name) {
  std::string info = "gkm sealed for one recipient";
  info += '\0';
  info.append(sender).append(recipient_key).append(context);
  info += '\0';
  return info.append(name);
}

constexpr std::array<unsigned char, 12> first_count{};

/// Appends `content`, sealed, and its tag.
bool lock(std::string_view key, std::string_view bound, std::string_view content,
          std::string& out) {
  cipher_context cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  auto at = out.size();
  out.resize(at + content.size() + tag_bytes);
  return cipher &&
         EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key),
                            first_count.data()) == 1 &&
         EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes(bound),
                           static_cast<int>(bound.size())) == 1 &&
         EVP_EncryptUpdate(cipher.get(), bytes(out) + at, &size, bytes(content),
                           static_cast<int>(content.size())) == 1 &&
         EVP_EncryptFinal_ex(cipher.get(), bytes(out) + at + size, &size) == 1 &&
         EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes,
                             bytes(out) + at + content.size()) == 1;
}

std::optional<std::string> unlock(std::string_view key, std::string_view bound,
                                  std::string_view sealed) {
  if (sealed.size() < tag_bytes) return std::nullopt;
  auto content = sealed.substr(0, sealed.size() - tag_bytes);
  std::string tag(sealed.substr(content.size()));
  std::string out(content.size(), '\0');
  cipher_context cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  bool whole = cipher &&
               EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key),
                                  first_count.data()) == 1 &&
               EVP_DecryptUpdate(cipher.get(), nullptr, &size, bytes(bound),
                                 static_cast<int>(bound.size())) == 1 &&
               EVP_DecryptUpdate(cipher.get(), bytes(out), &size, bytes(content),
                                 static_cast<int>(content.size())) == 1 &&
               EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1;
  if (whole) {
    auto at = size;
    whole = EVP_DecryptFinal_ex(cipher.get(), bytes(out) + at, &size) == 1;
  }
  ERR_clear_error();
  if (!whole) return std::nullopt;
  return out;
}

std::string bound_to(std::string_view context, std::string_view head) {
  std::string bound(context);
  bound += '\0';
  return bound.append(head);
}

void append_number(std::string& out, size_t number) {
  for (unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>((number >> shift) & 0xffU);
}

size_t number_at(std::string_view text, size_t at) {
  size_t number = 0;
  for (char c : text.substr(at, count_bytes)) number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

std::string_view tag_text(const recipient_tag& tag) {
  return {reinterpret_cast<const char*>(tag.data()), tag.size()};
}

tl::unexpected<error> crypto_failure(const char* step) {
  ERR_clear_error();
  return fail(errc::internal,
              std::string("Cannot ") + step + ": the cryptographic library refused");
}

/// Where the content begins; 0: it is no sealed text.
size_t head_bytes(std::string_view sealed) {
  if (!sealed.starts_with(magic) || sealed.size() < recipients_at + tag_bytes) return 0;
  auto count = number_at(sealed, count_at);
  if (count > sealed_recipients_max) return 0;
  auto head = recipients_at + count * sealed_recipient_bytes;
  return sealed.size() < head + tag_bytes ? 0 : head;
}

}  // namespace

recipient_tag tag_of(std::string_view name) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  EVP_Digest(name.data(), name.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  recipient_tag tag{};
  std::copy_n(hash.begin(), tag.size(), tag.begin());
  return tag;
}

result<std::string> make_private_key() {
  std::string key(sealing_key_bytes, '\0');
  if (!fill_random(key)) return crypto_failure("make a key");
  return key;
}

result<std::string> public_key_of(std::string_view private_key) {
  auto key = private_key_in(private_key);
  std::string out(sealing_key_bytes, '\0');
  size_t size = out.size();
  bool known = key && EVP_PKEY_get_raw_public_key(key.get(), bytes(out), &size) == 1;
  ERR_clear_error();
  if (!known) return fail(errc::invalid_argument, "A private key must be 32 bytes");
  return out;
}

result<sealer> sealer::make() {
  auto private_key = make_private_key();
  if (!private_key) return fail(private_key.error());
  auto public_key = public_key_of(*private_key);
  if (!public_key) return fail(public_key.error());
  return sealer(std::move(*private_key), std::move(*public_key));
}

const std::string& sealer::agreed_with(const std::string& public_key) {
  if (auto at = agreed_.find(public_key); at != agreed_.end()) return at->second;
  if (agreed_.size() >= agreed_max) agreed_.clear();
  return agreed_[public_key] = agree(private_key_, public_key);
}

result<std::string> sealer::seal(std::string_view content, std::string_view context,
                                 const std::vector<recipient>& recipients) {
  if (recipients.size() > sealed_recipients_max)
    return fail(errc::limit_exceeded, "Cannot seal for more than " +
                                          std::to_string(sealed_recipients_max) + " recipients");
  secret_bytes content_key(sealing_key_bytes);
  std::string salt(salt_bytes, '\0');
  if (!fill_random(content_key.text) || !fill_random(salt)) return crypto_failure("seal");
  std::vector<std::string> wrapped;
  for (const auto& one : recipients) {
    const auto& shared = agreed_with(one.public_key);
    if (shared.empty()) continue;
    secret_bytes key(sealing_key_bytes);
    std::string entry(tag_text(tag_of(one.name)));
    auto info = info_of(public_key_, one.public_key, context, one.name);
    if (!expand(shared, salt, info, key.text) || !lock(key.text, context, content_key.text, entry))
      return crypto_failure("seal");
    wrapped.push_back(std::move(entry));
  }
  std::sort(wrapped.begin(), wrapped.end());
  std::string out(magic);
  out.reserve(recipients_at + wrapped.size() * sealed_recipient_bytes + content.size() + tag_bytes);
  out.append(public_key_).append(salt);
  append_number(out, wrapped.size());
  for (const auto& entry : wrapped) out += entry;
  if (!lock(content_key.text, bound_to(context, out), content, out)) return crypto_failure("seal");
  return out;
}

result<std::string> open_sealed(std::string_view sealed, std::string_view context,
                                std::string_view name, std::string_view private_key) {
  auto head = head_bytes(sealed);
  if (head == 0) return fail(errc::malformed, "it is no sealed text of a version that is known");
  auto public_key = public_key_of(private_key);
  if (!public_key) return fail(public_key.error());
  auto sender = sealed.substr(sender_at, sealing_key_bytes);
  auto tag = tag_of(name);
  std::string_view entry;
  for (auto at = recipients_at; at < head; at += sealed_recipient_bytes)
    if (sealed.substr(at, tag.size()) == tag_text(tag))
      entry = sealed.substr(at + tag.size(), wrapped_bytes);
  auto shared = entry.empty() ? std::string() : agree(private_key, sender);
  secret_bytes key(sealing_key_bytes);
  if (shared.empty() || !expand(shared, sealed.substr(salt_at, salt_bytes),
                                info_of(sender, *public_key, context, name), key.text))
    return fail(errc::not_found, "it is not sealed for '" + std::string(name) + "'");
  auto content_key = unlock(key.text, context, entry);
  if (!content_key)
    return fail(errc::not_found,
                "it is not sealed for the key that '" + std::string(name) + "' has now");
  auto content =
      unlock(*content_key, bound_to(context, sealed.substr(0, head)), sealed.substr(head));
  OPENSSL_cleanse(content_key->data(), content_key->size());
  if (!content) return fail(errc::corrupt, "it was changed after it was sealed");
  return std::move(*content);
}

}  // namespace gkm::base
