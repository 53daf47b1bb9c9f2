#include "net/server/listener.hpp"

#include "net/server/connection_places.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace gkm::net {
namespace {

constexpr int backlog = 128;

struct address_list_deleter {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

base::fd bound_socket(const addrinfo& to) {
  base::fd socket(
      ::socket(to.ai_family, to.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to.ai_protocol));
  int on = 1;
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
      ::bind(socket.get(), to.ai_addr, to.ai_addrlen) != 0 || ::listen(socket.get(), backlog) != 0)
    return {};
  return socket;
}

uint16_t port_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  return ntohs(v6.sin6_port);  // where sockaddr_in has it, too
}

}  // namespace

result<listener> listener::open(const listen_address& where, const std::string& flag) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  listener out;
  if (::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found) == 0) {
    std::unique_ptr<addrinfo, address_list_deleter> list(found);
    for (const auto* one = found; one && !out.socket_; one = one->ai_next)
      out.socket_ = bound_socket(*one);
  }
  if (!out.socket_)
    return fail(errc::io, "Failed to listen on '" + where.host + ":" + std::to_string(where.port) +
                              "': the port is taken, or there is no such address; choose another "
                              "with " +
                              flag);
  out.port_ = port_of(out.socket_.get());
  return out;
}

result<std::optional<newcomer>> listener::accept() const {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  base::fd socket(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&from), &size,
                            SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket) {
    int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return newcomer{std::move(socket), peer_of(reinterpret_cast<const sockaddr&>(from))};
  }
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
    return fail(errc::limit_exceeded, "no descriptor is left for a connection");
  return std::optional<newcomer>{};
}

}  // namespace gkm::net
