#include "net/proxy.hpp"

#include "base/text.hpp"
#include "net/address_range.hpp"

#include <cstdlib>

namespace gkm::net {
namespace {

struct host_and_port {
  std::string_view host;  ///< IPv6 without brackets
  std::string_view port;  ///< empty: any
};

std::string_view without_brackets(std::string_view host) {
  bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  return bracketed ? host.substr(1, host.size() - 2) : host;
}

// A single colon, or one after brackets, begins a port; more of them are an IPv6 address.
host_and_port split_port(std::string_view entry) {
  auto colon = entry.rfind(':');
  bool port = colon != std::string_view::npos &&
              (entry.find(':') == colon || (colon > 0 && entry[colon - 1] == ']'));
  if (!port) return {without_brackets(entry), {}};
  return {without_brackets(entry.substr(0, colon)), entry.substr(colon + 1)};
}

bool matches_domain(std::string_view host, std::string_view domain) {
  if (domain.starts_with("*.")) domain.remove_prefix(1);
  if (domain.starts_with('.')) return host.ends_with(domain);
  return host == domain || (host.ends_with(domain) && host.size() > domain.size() &&
                            host[host.size() - domain.size() - 1] == '.');
}

bool matches(const url& to, std::string_view entry) {
  if (entry == "*") return true;
  auto host = without_brackets(to.host);
  auto address = parse_address_range(host);
  if (auto range = parse_address_range(entry); range && entry.find('/') != std::string_view::npos)
    return address && is_in_range(address->prefix, *range);
  auto [name, port] = split_port(entry);
  if (name.empty() || (!port.empty() && port != to.port)) return false;
  if (auto one = parse_address_range(name)) return address && *address == *one;
  return !address && matches_domain(host, name);
}

std::string variable(const char* upper) {
  for (const auto& name : {std::string(upper), base::to_lower(upper)})
    if (const char* value = std::getenv(name.c_str()); value && *value) return value;
  return {};
}

}  // namespace

bool is_exempt(const url& to, std::string_view no_proxy) {
  if (to.is_loopback()) return true;
  auto entries = base::to_lower(no_proxy);
  for (std::string_view rest = entries; !rest.empty();) {
    auto comma = std::min(rest.find(','), rest.size());
    auto entry = base::trimmed(rest.substr(0, comma));
    if (!entry.empty() && matches(to, entry)) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

std::string environment_proxy(const url& to) {
  auto proxy = variable(to.scheme == "https" ? "HTTPS_PROXY" : "HTTP_PROXY");
  if (proxy.empty()) proxy = variable("ALL_PROXY");
  return proxy.empty() || is_exempt(to, variable("NO_PROXY")) ? std::string() : proxy;
}

}  // namespace gkm::net
