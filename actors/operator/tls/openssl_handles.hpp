/// OpenSSL's objects, owned. For .cpp files only.
#pragma once

#include "base/freed_by.hpp"
#include "messages/errors.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace gkm::op {

using base::freed_by;
using x509_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using pkey_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<SSL_free>>;

/// "<step>: <OpenSSL's words>"; its queue of errors is empty afterwards.
inline tl::unexpected<error> openssl_error(errc code, std::string_view step) {
  constexpr size_t enough = 256;
  std::array<char, enough> text{};
  auto number = ERR_get_error();
  if (number) ERR_error_string_n(number, text.data(), text.size());
  ERR_clear_error();
  return fail(code, std::string(step) + (number ? std::string(": ") + text.data() : ""));
}

inline bio_ptr read_only(std::string_view text) {
  return bio_ptr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Null if there is none in it. Never asks anybody for a passphrase.
inline x509_ptr parse_cert(std::string_view pem) {
  auto in = read_only(pem);
  x509_ptr cert(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return cert;
}

inline pkey_ptr parse_key(std::string_view pem) {
  auto in = read_only(pem);
  auto no_passphrase = [](char*, int, int, void*) { return 0; };
  pkey_ptr key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

}  // namespace gkm::op
