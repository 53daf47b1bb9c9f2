#include "cli/images.hpp"

#include "base/program/version.hpp"
#include "net/http.hpp"
#include "oci/registry/registry.hpp"

namespace gkm::cli {

images::images() = default;
images::images(images&&) noexcept = default;
images::~images() = default;

result<images> images::open(const options& o) {
  auto credentials = o.auth_file.empty() ? oci::credential_store::from_environment()
                                         : oci::credential_store::from_file(o.auth_file);
  if (!credentials) return fail(credentials.error());
  net::engine_options engine;
  engine.user_agent = std::string("gkm/") + base::version();
  engine.plain_http_hosts = o.plain_http_hosts;
  oci::registry_options registry;
  registry.plain_http_hosts = o.plain_http_hosts;
  registry.ca_file = o.ca_file;
  registry.client_cert_file = o.client_cert_file;
  registry.client_key_file = o.client_key_file;
  images opened;
  opened.http_ = std::make_unique<net::engine>(std::move(engine));
  opened.source_ = oci::make_source(*opened.http_, std::move(*credentials), std::move(registry));
  return opened;
}

}  // namespace gkm::cli
