#include "actors/node/cluster/registry_guard.hpp"

#include "base/text.hpp"
#include "messages/printable.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

namespace gkm::node {
namespace {

std::string without_port(std::string_view host) {
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  return std::string(host.substr(0, host.rfind(':')));
}

bool is_local(in_addr address) {
  constexpr uint32_t top_byte = 24, top_half = 16;
  constexpr uint32_t unspecified = 0, loopback = 127, link_local = 0xa9fe;
  auto bits = ntohl(address.s_addr);
  return bits >> top_byte == unspecified || bits >> top_byte == loopback ||
         bits >> top_half == link_local;
}

bool is_local(const in6_addr& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    in_addr v4{};
    constexpr size_t v4_offset = 12;
    std::copy_n(address.s6_addr + v4_offset, sizeof v4.s_addr,
                reinterpret_cast<unsigned char*>(&v4.s_addr));
    return is_local(v4);
  }
  return IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_LINKLOCAL(&address) ||
         IN6_IS_ADDR_UNSPECIFIED(&address);
}

class guarded_source : public oci::source {
public:
  guarded_source(std::unique_ptr<oci::source> of, std::vector<std::string> allowed)
      : of_(std::move(of)), allowed_(std::move(allowed)) {}

  result<oci::fetched_manifest> manifest(const image_ref& ref, std::stop_token stop) override {
    if (auto ok = check(ref); !ok) return fail(ok.error());
    return of_->manifest(ref, std::move(stop));
  }
  result<std::unique_ptr<base::byte_stream>> blob(const image_ref& ref, const oci::descriptor& what,
                                                  std::stop_token stop) override {
    if (auto ok = check(ref); !ok) return fail(ok.error());
    return of_->blob(ref, what, std::move(stop));
  }

private:
  result<void> check(const image_ref& ref) const {
    auto is_allowed = [&](const std::string& name) {
      return std::find(allowed_.begin(), allowed_.end(), name) != allowed_.end();
    };
    if (!is_node_local(ref.host) || is_allowed(ref.host) || is_allowed(without_port(ref.host)))
      return {};
    return fail(errc::refused, "Registry '" + printable(ref.host) +
                                   "' is the node itself, or next to it: agents go there only if "
                                   "started with --plain-http " +
                                   printable(ref.host));
  }

  const std::unique_ptr<oci::source> of_;
  const std::vector<std::string> allowed_;
};

}  // namespace

bool is_node_local(std::string_view host) {
  auto name = base::to_lower(without_port(host));
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  in_addr v4{};
  // The old forms, too ("127.1", "0x7f000001"): curl takes them.
  if (::inet_aton(name.c_str(), &v4) == 1) return is_local(v4);
  in6_addr v6{};
  return ::inet_pton(AF_INET6, name.c_str(), &v6) == 1 && is_local(v6);
}

std::unique_ptr<oci::source> guarded(std::unique_ptr<oci::source> of,
                                     std::vector<std::string> allowed) {
  return std::make_unique<guarded_source>(std::move(of), std::move(allowed));
}

}  // namespace gkm::node
