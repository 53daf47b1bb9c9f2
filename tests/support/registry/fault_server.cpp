#include "tests/support/registry/fault_server.hpp"

#include "tests/support/registry/wire.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace gkm::support {
namespace {

constexpr size_t max_request_bytes = 512UL << 20;

int listen_on_loopback(uint16_t& port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (fd < 0 || ::bind(fd, raw, size) != 0 || ::listen(fd, 128) != 0 ||
      ::getsockname(fd, raw, &size) != 0)
    throw std::runtime_error("test server cannot listen on loopback");
  port = ntohs(address.sin_port);
  return fd;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

void parse_head(const std::string& head, seen_request& into) {
  auto line_end = head.find("\r\n");
  auto first = head.substr(0, line_end);
  into.method = first.substr(0, first.find(' '));
  auto from = first.find(' ') + 1;
  into.target = first.substr(from, first.rfind(' ') - from);
  while (line_end != std::string::npos) {
    auto begin = line_end + 2;
    line_end = head.find("\r\n", begin);
    auto line = head.substr(begin, line_end == std::string::npos ? line_end : line_end - begin);
    auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    auto value = line.find_first_not_of(' ', colon + 1);
    into.headers[lower(line.substr(0, colon))] =
        value == std::string::npos ? "" : line.substr(value);
  }
}

// Reads one request; what was read beyond it stays in `buffer`.
bool read_request(wire& from, std::string& buffer, seen_request& into) {
  size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (buffer.size() > max_request_bytes || !from.read_some(buffer)) return false;
    if (std::isupper(static_cast<unsigned char>(buffer[0])) != 0) continue;
    from.write_all("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");  // TLS, most likely
    from.finish();
    return false;
  }
  parse_head(buffer.substr(0, end), into);
  buffer.erase(0, end + 4);
  size_t length = 0;
  if (auto text = into.header("content-length"); !text.empty()) length = std::stoul(text);
  while (buffer.size() < length)
    if (!from.read_some(buffer)) return false;
  into.body = buffer.substr(0, length);
  buffer.erase(0, length);
  return true;
}

}  // namespace

std::string seen_request::header(const std::string& lower_case_name) const {
  auto at = headers.find(lower_case_name);
  return at == headers.end() ? std::string{} : at->second;
}

class fault_server::impl {
public:
  impl(handler answer, std::optional<server_tls> tls) : answer_(std::move(answer)) {
    if (tls) tls_.emplace(tls->certificate_file, tls->key_file, tls->client_ca_file);
    listener_ = listen_on_loopback(port_);
    acceptor_ = std::thread([this] { accept_all(); });
  }

  ~impl() {
    stop_.request_stop();
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    {
      std::lock_guard lock(mutex_);
      for (auto* w : open_) w->shut();
    }
    for (auto& t : threads_) t.join();
  }

  void accept_all() {
    for (;;) {
      int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        return;
      }
      int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    // OpenSSL writes without MSG_NOSIGNAL.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    wire w(fd, [this] { note([this] { blocked_ = true; }); });
    size_t number = 0;
    note([&] {
      open_.push_back(&w);
      number = ++connections_;
      if (stop_.stop_requested()) w.shut();
    });
    converse(w, number);
    note([&] { open_.remove(&w); });
  }

  void converse(wire& w, size_t number) {
    if (tls_) {
      std::lock_guard one_handshake_at_a_time(handshake_);
      std::vector<std::string> offered;
      bool fine = w.start_tls(*tls_, offered);
      note([&] { offered_ = offered; });
      if (!fine) return w.finish();
    }
    std::string buffer;
    for (;;) {
      seen_request request;
      request.connection = number;
      if (!read_request(w, buffer, request)) return;
      note([&] { requests_.push_back(request); });
      note([&] { ++sending_; });
      bool goes_on = send(w, request, answer_(request));
      note([&] { --sending_; });
      if (!goes_on) return;
    }
  }

  // False if the connection ends with this reply.
  bool send(wire& w, const seen_request& request, const reply& r) {
    const auto& wrong = r.wrong;
    if (wrong.reset) w.reset_on_close();
    if (!held(wrong.hold_head) || wrong.hang_up) return false;
    if (!wrong.raw.empty()) {
      w.write_all(wrong.raw);
      return false;
    }
    if (!w.write_all("HTTP/1.1 " + std::to_string(r.status) + " Status\r\n")) return false;
    if (!held(wrong.hold_headers) || !w.write_all(header_block(r))) return false;
    if (request.method == "HEAD" || r.status == 204 || r.status == 304) return true;
    if (r.stream) return send_stream(w, r);
    return send_body(w, r) && !r.until_close && !wrong.claimed_length;
  }

  static std::string header_block(const reply& r) {
    std::string text;
    for (const auto& [name, value] : r.headers) text += name + ": " + value + "\r\n";
    auto length = r.wrong.claimed_length.value_or(r.body.size() * r.repeat_body);
    if (r.chunked || r.stream)
      text += "Transfer-Encoding: chunked\r\n";
    else if (r.until_close)
      text += "Connection: close\r\n";
    else if (r.status != 204 && r.status != 304)
      text += "Content-Length: " + std::to_string(length) + "\r\n";
    return text + "\r\n";
  }

  bool send_body(wire& w, const reply& r) {
    auto total = r.body.size() * r.repeat_body;
    uint64_t sent = 0;
    while (sent < total) {
      if (sent == r.wrong.hold_body_at && !held(r.wrong.hold_body)) return false;
      if (r.wrong.cut_after && sent >= *r.wrong.cut_after) return false;
      auto part = std::string_view(r.body).substr(sent % r.body.size());
      if (r.wrong.piece_bytes > 0) part = part.substr(0, r.wrong.piece_bytes);
      for (auto mark : {r.wrong.hold_body_at, r.wrong.cut_after.value_or(0)})
        if (mark > sent) part = part.substr(0, mark - sent);
      if (!send_part(w, part, r.chunked)) return false;
      sent += part.size();
    }
    if (r.wrong.cut_after && sent >= *r.wrong.cut_after) return false;
    if (sent == r.wrong.hold_body_at && !held(r.wrong.hold_body)) return false;
    return !r.chunked || w.write_all("0\r\n\r\n");
  }

  bool send_stream(wire& w, const reply& r) {
    bool goes_on = true;
    r.stream([&](std::string_view part) { return goes_on = goes_on && send_part(w, part, true); },
             stop_.get_token());
    return goes_on && w.write_all("0\r\n\r\n");
  }

  bool send_part(wire& w, std::string_view part, bool chunked) {
    auto count = [this](size_t n) { body_bytes_sent_ += n; };
    if (!chunked) return w.write_all(part, count);
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    return w.write_all(size) && w.write_all(part, count) && w.write_all("\r\n");
  }

  bool held(const std::shared_ptr<gate>& g) { return !g || g->wait(stop_.get_token()); }

  template <class F>
  void note(F&& change) {
    {
      std::lock_guard lock(mutex_);
      change();
    }
    changed_.notify_all();
  }

  const handler answer_;
  std::optional<tls_context> tls_;
  std::mutex handshake_;
  std::stop_source stop_;
  uint16_t port_ = 0;
  int listener_ = -1;
  std::thread acceptor_;
  std::list<std::thread> threads_;  ///< of the acceptor until it has ended
  std::atomic<uint64_t> body_bytes_sent_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<wire*> open_;
  std::vector<seen_request> requests_;
  std::vector<std::string> offered_;
  size_t connections_ = 0;
  size_t sending_ = 0;
  bool blocked_ = false;
};

fault_server::fault_server(handler answer, std::optional<server_tls> tls)
    : impl_(std::make_unique<impl>(std::move(answer), std::move(tls))) {}

fault_server::~fault_server() = default;

uint16_t fault_server::port() const { return impl_->port_; }

std::string fault_server::authority() const { return "127.0.0.1:" + std::to_string(port()); }

std::string fault_server::url(const std::string& path) const {
  return (impl_->tls_ ? "https://" : "http://") + authority() + path;
}

std::vector<seen_request> fault_server::requests() const {
  std::lock_guard lock(impl_->mutex_);
  return impl_->requests_;
}

std::vector<seen_request> fault_server::requests_for(const std::string& path) const {
  auto all = requests();
  std::erase_if(all, [&](const auto& r) { return r.path() != path; });
  return all;
}

void fault_server::wait_for_requests(size_t count) const {
  std::unique_lock lock(impl_->mutex_);
  impl_->changed_.wait(lock, [&] { return impl_->requests_.size() >= count; });
}

size_t fault_server::connections() const {
  std::lock_guard lock(impl_->mutex_);
  return impl_->connections_;
}

size_t fault_server::open_connections() const {
  std::lock_guard lock(impl_->mutex_);
  return impl_->open_.size();
}

void fault_server::wait_for_open_connections(size_t count) const {
  std::unique_lock lock(impl_->mutex_);
  impl_->changed_.wait(lock, [&] { return impl_->open_.size() == count; });
}

uint64_t fault_server::body_bytes_sent() const { return impl_->body_bytes_sent_; }

bool fault_server::wait_until_blocked() const {
  std::unique_lock lock(impl_->mutex_);
  impl_->changed_.wait(lock, [&] { return impl_->blocked_ || impl_->sending_ == 0; });
  return impl_->blocked_;
}

std::vector<std::string> fault_server::offered_protocols() const {
  std::lock_guard lock(impl_->mutex_);
  return impl_->offered_;
}

silent_listener::silent_listener() : fd_(listen_on_loopback(port_)) {}

silent_listener::~silent_listener() { ::close(fd_); }

uint16_t unused_port() {
  uint16_t port = 0;
  ::close(listen_on_loopback(port));
  return port;
}

}  // namespace gkm::support
