#include "actors/operator/tls/certificate.hpp"

#include "actors/operator/tls/openssl_handles.hpp"

#include <arpa/inet.h>
#include <openssl/rand.h>

#include <algorithm>

namespace gkm::op {
namespace {

constexpr size_t max_certificates = 16;
constexpr size_t max_common_name_chars = 64;  // X.520's limit
constexpr std::string_view begin_mark = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view end_mark = "-----END CERTIFICATE-----";

template <class Write>
std::string to_pem(Write&& write) {
  bio_ptr out(BIO_new(BIO_s_mem()));
  if (!out || write(out.get()) != 1) return {};
  char* bytes = nullptr;
  auto size = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<size_t>(size)};
}

key_pair to_pair(X509* cert, EVP_PKEY* key) {
  return {to_pem([&](BIO* b) { return PEM_write_bio_X509(b, cert); }), to_pem([&](BIO* b) {
            return PEM_write_bio_PrivateKey(b, key, nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

bool set_random_serial(X509* cert) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);  // positive, of full length
  std::unique_ptr<BIGNUM, freed_by<BN_free>> number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(cert));
}

bool set_time(ASN1_TIME* to, int64_t unix_s) {
  return ASN1_TIME_set(to, static_cast<time_t>(unix_s)) != nullptr;
}

bool extend(X509* of, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, of, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>> made(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return made && X509_add_ext(of, made.get(), -1) == 1;
}

x509_ptr blank(const std::string& name, const validity& valid, EVP_PKEY* key) {
  x509_ptr cert(X509_new());
  if (!cert) return nullptr;
  auto common = name.substr(0, max_common_name_chars);
  bool fine = X509_set_version(cert.get(), X509_VERSION_3) == 1 && set_random_serial(cert.get()) &&
              set_time(X509_getm_notBefore(cert.get()), valid.from_unix_s) &&
              set_time(X509_getm_notAfter(cert.get()), valid.until_unix_s) &&
              X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                                         reinterpret_cast<const unsigned char*>(common.c_str()), -1,
                                         -1, 0) == 1 &&
              X509_set_pubkey(cert.get(), key) == 1;
  return fine ? std::move(cert) : nullptr;
}

bool is_address(const std::string& name) {
  in6_addr room{};
  return ::inet_pton(AF_INET, name.c_str(), &room) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), &room) == 1;
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names)
    out += (out.empty() ? "" : ",") + std::string(is_address(name) ? "IP:" : "DNS:") + name;
  return out;
}

int64_t unix_time(const ASN1_TIME* time) {
  int days = 0, seconds = 0;
  std::unique_ptr<ASN1_TIME, freed_by<ASN1_TIME_free>> epoch(ASN1_TIME_set(nullptr, 0));
  if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) return 0;
  constexpr int64_t day_s = 86'400;
  return days * day_s + seconds;
}

std::string text_of(const GENERAL_NAME* name) {
  std::array<char, INET6_ADDRSTRLEN> room{};
  if (name->type == GEN_DNS)
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
            static_cast<size_t>(ASN1_STRING_length(name->d.dNSName))};
  if (name->type != GEN_IPADD) return {};
  constexpr int ipv4_bytes = 4;
  int family = ASN1_STRING_length(name->d.iPAddress) == ipv4_bytes ? AF_INET : AF_INET6;
  ::inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), room.data(), room.size());
  return room.data();
}

std::vector<std::string> names_of(X509* cert) {
  std::vector<std::string> names;
  std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i)
    names.push_back(text_of(sk_GENERAL_NAME_value(all.get(), i)));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

result<key_pair> make_authority(const std::string& name, const validity& valid) {
  pkey_ptr key(EVP_EC_gen("P-256"));
  auto cert = key ? blank(name, valid, key.get()) : nullptr;
  bool fine = cert && X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get())) == 1 &&
              extend(cert.get(), cert.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
              extend(cert.get(), cert.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
              extend(cert.get(), cert.get(), NID_subject_key_identifier, "hash") &&
              X509_sign(cert.get(), key.get(), EVP_sha256()) > 0;
  if (!fine) return openssl_error(errc::internal, "Failed to make a certificate authority");
  return to_pair(cert.get(), key.get());
}

result<key_pair> issue_certificate(const key_pair& authority, const std::vector<std::string>& names,
                                   const validity& valid) {
  auto ca = parse_cert(authority.cert_pem);
  auto ca_key = parse_key(authority.key_pem);
  if (!ca || !ca_key) return fail(errc::malformed, "the authority has no certificate or no key");
  pkey_ptr key(EVP_EC_gen("P-256"));
  auto cert = key && !names.empty() ? blank(names.front(), valid, key.get()) : nullptr;
  bool fine = cert && X509_set_issuer_name(cert.get(), X509_get_subject_name(ca.get())) == 1 &&
              extend(cert.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE") &&
              extend(cert.get(), ca.get(), NID_key_usage, "critical,digitalSignature") &&
              extend(cert.get(), ca.get(), NID_ext_key_usage, "serverAuth") &&
              extend(cert.get(), ca.get(), NID_subject_key_identifier, "hash") &&
              extend(cert.get(), ca.get(), NID_authority_key_identifier, "keyid:always") &&
              extend(cert.get(), ca.get(), NID_subject_alt_name, alternative_names(names)) &&
              X509_sign(cert.get(), ca_key.get(), EVP_sha256()) > 0;
  if (!fine) return openssl_error(errc::internal, "Failed to issue a certificate");
  return to_pair(cert.get(), key.get());
}

result<certificate_facts> read_certificate(std::string_view pem) {
  auto cert = parse_cert(pem);
  if (!cert) return fail(errc::malformed, "there is no PEM certificate in it");
  return certificate_facts{
      {unix_time(X509_get0_notBefore(cert.get())), unix_time(X509_get0_notAfter(cert.get()))},
      names_of(cert.get())};
}

bool is_issued_by(std::string_view cert_pem, std::string_view authority_pem) {
  auto cert = parse_cert(cert_pem);
  auto ca = parse_cert(authority_pem);
  if (!cert || !ca) return false;
  bool signed_by = X509_check_issued(ca.get(), cert.get()) == X509_V_OK &&
                   X509_verify(cert.get(), X509_get0_pubkey(ca.get())) == 1;
  ERR_clear_error();
  return signed_by;
}

bool is_key_of(std::string_view cert_pem, std::string_view key_pem) {
  auto cert = parse_cert(cert_pem);
  auto key = parse_key(key_pem);
  bool fits = cert && key && X509_check_private_key(cert.get(), key.get()) == 1;
  ERR_clear_error();
  return fits;
}

std::vector<std::string> split_certificates(std::string_view pem) {
  std::vector<std::string> all;
  while (all.size() < max_certificates) {
    auto begin = pem.find(begin_mark);
    if (begin == std::string_view::npos) break;
    auto end = pem.find(end_mark, begin);
    if (end == std::string_view::npos) break;
    end += end_mark.size();
    auto one = std::string(pem.substr(begin, end - begin)) + "\n";
    if (parse_cert(one)) all.push_back(std::move(one));
    pem.remove_prefix(end);
  }
  return all;
}

}  // namespace gkm::op
