#include "oci/registry/registry_settings.hpp"

#include "base/directory_watch.hpp"
#include "base/files.hpp"
#include "base/program/log.hpp"
#include "base/program/setting_file.hpp"
#include "messages/printable.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>

namespace gkm::oci {
namespace log = base::log;
namespace {

constexpr size_t max_hosts = 256;
constexpr size_t max_host_chars = 261;  // a name, a colon and a port
constexpr size_t max_authority_bytes = 1 << 20;

bool is_host(std::string_view text) {
  constexpr std::string_view known =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
  return text.size() <= max_host_chars && text.find_first_not_of(known) == std::string_view::npos;
}

bool has_certificate(const std::string& pem) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  std::unique_ptr<X509, decltype(&X509_free)> first(
      bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr, &X509_free);
  return first != nullptr;
}

/// The remedies of net/ name no setting, since each program has others.
error advised(error e) {
  auto says = [&e](std::string_view text) { return e.message.find(text) != std::string::npos; };
  constexpr const char* list = "list it in gkm-config as gkm.registry.plain-http";
  constexpr const char* trust = "as ca.crt in the ConfigMap gkm-registry-ca";
  if (says("cannot be reached"))
    e.message += std::string("; for plain http, ") + list +
                 "; for a certificate of your own, put " + "its authority " + trust;
  else if (says("is not trusted"))
    e.message += std::string(": ") + trust;
  else if (says("does this host speak plain http?"))
    e.message += std::string(" Then ") + list;
  else if (says("plain http to '") || says("among those that may be local"))
    e.message += std::string(": ") + list;
  return e;
}

class advised_source : public source {
public:
  explicit advised_source(std::unique_ptr<source> of) : of_(std::move(of)) {}

  result<fetched_manifest> manifest(const image_ref& ref, std::stop_token stop) override {
    return with_advice(of_->manifest(ref, std::move(stop)));
  }
  result<std::unique_ptr<base::byte_stream>> blob(const image_ref& ref, const descriptor& what,
                                                  std::stop_token stop) override {
    return with_advice(of_->blob(ref, what, std::move(stop)));
  }
  result<bool> has_blob(const image_ref& ref, const descriptor& what,
                        std::stop_token stop) override {
    return with_advice(of_->has_blob(ref, what, std::move(stop)));
  }

private:
  template <class T>
  static result<T> with_advice(result<T> outcome) {
    if (!outcome) return fail(advised(outcome.error()));
    return outcome;
  }

  const std::unique_ptr<source> of_;
};

}  // namespace

result<std::vector<std::string>> parse_registry_hosts(std::string_view text) {
  constexpr std::string_view between = ", \t\r\n";
  std::vector<std::string> hosts;
  for (size_t at = 0; (at = text.find_first_not_of(between, at)) != std::string_view::npos;) {
    auto end = std::min(text.find_first_of(between, at), text.size());
    auto host = text.substr(at, end - at);
    if (!is_host(host))
      return fail(errc::invalid_argument,
                  "'" + printable(host) +
                      "' is no registry: write 'host' or 'host:port', without scheme and path");
    if (hosts.size() == max_hosts)
      return fail(errc::invalid_argument,
                  "more than " + std::to_string(max_hosts) + " registries are listed");
    hosts.emplace_back(host);
    at = end;
  }
  return hosts;
}

followed_registries::followed_registries(registry_settings by_flag,
                                         const std::filesystem::path& config_dir,
                                         std::filesystem::path ca_dir, listener tell)
    : by_flag_(std::move(by_flag)), ca_dir_(std::move(ca_dir)), tell_(std::move(tell)) {
  if (!config_dir.empty()) {
    auto followed =
        base::setting_file::follow(config_dir, plain_http_key,
                                   [this](const result<std::string>& value) { take_hosts(value); });
    if (followed)
      config_watch_ = std::move(*followed);
    else
      log::warn("Cannot follow a setting",
                {{"key", plain_http_key}, {"error", followed.error().message}});
  }
  if (ca_dir_.empty()) return;
  look_for_authorities();
  auto watch = base::directory_watch::start_named(
      ca_dir_, [this](const base::directory_changes&) { look_for_authorities(); });
  if (watch)
    ca_watch_ = std::move(*watch);
  else
    log::warn("Cannot follow the authorities of registries", {{"error", watch.error().message}});
}

followed_registries::~followed_registries() = default;

registry_settings followed_registries::now() const {
  std::lock_guard lock(mutex_);
  auto all = by_flag_;
  all.plain_http_hosts.insert(all.plain_http_hosts.end(), hosts_.begin(), hosts_.end());
  if (all.ca_file.empty() && !authorities_.empty()) all.ca_file = ca_dir_ / registry_ca_key;
  return all;
}

void followed_registries::take_hosts(const result<std::string>& value) {
  bool absent = !value && value.error().code == errc::not_found;
  auto hosts = absent  ? std::vector<std::string>()
               : value ? parse_registry_hosts(*value)
                       : result<std::vector<std::string>>(fail(value.error()));
  if (!hosts)
    return log::warn("A setting is not understood, its last value stays",
                     {{"key", plain_http_key}, {"error", hosts.error().message}});
  {
    std::lock_guard lock(mutex_);
    if (hosts_ == *hosts) return;
    hosts_ = *hosts;
  }
  log::info("Registries that may speak plain http are set", {{"count", hosts->size()}});
  tell_(now());
}

void followed_registries::look_for_authorities() {
  auto text = base::read_file(ca_dir_ / registry_ca_key, max_authority_bytes);
  bool absent = !text && text.error().code == errc::not_found;
  if (!text && !absent)
    log::warn("The authorities of registries cannot be read", {{"error", text.error().message}});
  if (text && !has_certificate(*text)) {
    log::warn("The authorities of registries are not used: there is no PEM certificate",
              {{"file", (ca_dir_ / registry_ca_key).string()}});
    text->clear();
  }
  auto seen = text.value_or(std::string());
  {
    std::lock_guard lock(mutex_);
    if (authorities_ == seen) return;
    authorities_ = seen;
  }
  log::info("Authorities of registries are set", {{"bytes", seen.size()}});
  tell_(now());
}

std::unique_ptr<source> make_cluster_source(net::engine& http, credential_store credentials,
                                            registry_options options) {
  return std::make_unique<advised_source>(
      make_registry_source(http, std::move(credentials), std::move(options)));
}

}  // namespace gkm::oci
