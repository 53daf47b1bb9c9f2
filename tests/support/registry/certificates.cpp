#include "tests/support/registry/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>

namespace gkm::support {
namespace {

constexpr long valid_seconds = 3600;

using certificate = std::shared_ptr<X509>;
using private_key = std::shared_ptr<EVP_PKEY>;

void must(bool fine, const char* step) {
  if (!fine) throw std::runtime_error(std::string("test certificate: ") + step);
}

private_key make_key() {
  private_key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  must(key != nullptr, "key");
  return key;
}

void extend(X509* of, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, of, nullptr, nullptr, 0);
  auto* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  must(extension != nullptr, value.c_str());
  X509_add_ext(of, extension, -1);
  X509_EXTENSION_free(extension);
}

void add_to_subject(X509* cert, const char* field, const std::string& value) {
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), field, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
}

certificate blank(const std::string& name, long serial, EVP_PKEY* key) {
  certificate made(X509_new(), &X509_free);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -valid_seconds);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), valid_seconds);
  add_to_subject(made.get(), "CN", name);
  X509_set_pubkey(made.get(), key);
  return made;
}

template <class F>
std::string write_file(const std::filesystem::path& path, F&& write) {
  auto* file = std::fopen(path.c_str(), "w");
  must(file != nullptr && write(file) == 1, path.c_str());
  std::fclose(file);
  return path.string();
}

pem_files write_pair(const std::filesystem::path& folder, const std::string& name, X509* cert,
                     EVP_PKEY* key) {
  return {write_file(folder / (name + ".crt"), [&](FILE* f) { return PEM_write_X509(f, cert); }),
          write_file(folder / (name + ".key"), [&](FILE* f) {
            return PEM_write_PrivateKey(f, key, nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace

struct test_ca::keys {
  certificate cert;
  private_key key;
};

test_ca::test_ca(std::filesystem::path folder, const std::string& name)
    : folder_(std::move(folder)), keys_(std::make_unique<keys>()) {
  keys_->key = make_key();
  keys_->cert = blank(name, serial_++, keys_->key.get());
  auto* cert = keys_->cert.get();
  X509_set_issuer_name(cert, X509_get_subject_name(cert));
  extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
  extend(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(cert, cert, NID_subject_key_identifier, "hash");
  must(X509_sign(cert, keys_->key.get(), EVP_sha256()) > 0, "signature");
  files_ = write_pair(folder_, name, cert, keys_->key.get());
}

test_ca::~test_ca() = default;

pem_files test_ca::issue(const std::string& name, const std::string& alt_names,
                         const std::vector<std::string>& organizations) {
  auto key = make_key();
  auto cert = blank(name, serial_++, key.get());
  for (const auto& organization : organizations) add_to_subject(cert.get(), "O", organization);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(keys_->cert.get()));
  extend(cert.get(), keys_->cert.get(), NID_basic_constraints, "CA:FALSE");
  extend(cert.get(), keys_->cert.get(), NID_subject_alt_name, alt_names);
  must(X509_sign(cert.get(), keys_->key.get(), EVP_sha256()) > 0, "signature");
  return write_pair(folder_, name, cert.get(), key.get());
}

}  // namespace gkm::support
