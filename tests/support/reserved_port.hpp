/// A loopback port that the kernel gave us, and gives to nobody else while this lives, but to a
/// program of ours that binds it with SO_REUSEPORT.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>

namespace gkm::support {

class reserved_port {
public:
  reserved_port() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    int on = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (::setsockopt(socket_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
        ::bind(socket_, any, size) != 0 || ::getsockname(socket_, any, &size) != 0) {
      ::close(socket_);
      throw std::runtime_error("no free port");
    }
    number_ = ntohs(address.sin_port);
  }
  ~reserved_port() { ::close(socket_); }
  reserved_port(const reserved_port&) = delete;
  reserved_port& operator=(const reserved_port&) = delete;

  uint16_t number() const { return number_; }

private:
  int socket_;
  uint16_t number_ = 0;
};

}  // namespace gkm::support
