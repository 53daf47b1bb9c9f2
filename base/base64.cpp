#include "base/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace gkm::base {

std::string to_base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  auto n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                           reinterpret_cast<const unsigned char*>(bytes.data()),
                           static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(n));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  // EVP_DecodeBlock overlooks white space around its input and takes '=' anywhere for a zero.
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return {};
  if (text.empty()) return std::string();
  auto digits = std::min(text.find('='), text.size());
  auto padding = text.size() - digits;
  if (padding > 2 || text.substr(0, digits).find_first_not_of(alphabet) != std::string_view::npos ||
      text.find_first_not_of('=', digits) != std::string_view::npos)
    return {};
  std::string out(text.size() / 4 * 3, '\0');
  auto n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                           reinterpret_cast<const unsigned char*>(text.data()),
                           static_cast<int>(text.size()));
  if (n < 0) return {};
  out.resize(static_cast<size_t>(n) - padding);
  return out;
}

}  // namespace gkm::base
