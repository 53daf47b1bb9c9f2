#include "oci/registry/endpoint.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace gkm::oci {
namespace {

constexpr size_t max_settled_hosts = 1'024;

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

// Docker Hub's API does not live where its name says.
std::string api_host(const std::string& host) {
  return host == "docker.io" ? "registry-1.docker.io" : host;
}

}  // namespace

bool is_loopback(std::string_view host) {
  auto name = without_port(host);
  if (name == "localhost" || name == "[::1]") return true;
  return name.starts_with("127.") && std::count(name.begin(), name.end(), '.') == 3 &&
         name.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string origin_of(std::string_view url) {
  auto scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return "";
  auto authority_end = std::min(url.find_first_of("/?#", scheme_end + 3), url.size());
  auto out = base::to_lower(url.substr(0, authority_end));
  std::string_view own_port = out.starts_with("https:") ? ":443" : ":80";
  if (out.ends_with(own_port)) out.erase(out.rfind(':'));
  return out;
}

std::vector<std::string> endpoints::candidates(const std::string& host) const {
  auto https = "https://" + api_host(host);
  const auto& listed = options_.plain_http_hosts;
  auto is_listed = [&listed](std::string_view name) {
    return std::find(listed.begin(), listed.end(), name) != listed.end();
  };
  bool trusted = options_.trust_loopback && is_loopback(host);
  if (!trusted && !is_listed(host) && !is_listed(without_port(host))) return {https};
  {
    std::lock_guard lock(mutex_);
    if (auto it = settled_.find(host); it != settled_.end()) return {it->second};
  }
  auto http = "http://" + api_host(host);
  bool tls_first =
      !options_.ca_file.empty() || !options_.client_cert_file.empty() || host.ends_with(":443");
  return tls_first ? std::vector{https, http} : std::vector{http, https};
}

void endpoints::settle(const std::string& host, const std::string& base) {
  std::lock_guard lock(mutex_);
  if (settled_.size() >= max_settled_hosts) settled_.clear();
  settled_[host] = base;
}

}  // namespace gkm::oci
