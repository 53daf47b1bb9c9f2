#include "actors/operator/tls/tls_stream.hpp"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <climits>

namespace gkm::op {
namespace {

constexpr size_t gathered_bytes = 64 * 1024;
constexpr std::chrono::milliseconds goodbye_limit{100};

}  // namespace

tls_stream::tls_stream(int socket, int stop, SSL_CTX* context)
    : socket_(socket), stop_(stop), ssl_(SSL_new(context)) {
  ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
  if (ssl_) SSL_set_fd(ssl_.get(), socket_);
}

tls_stream::ready tls_stream::wait(short events, clock::time_point until) const {
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    std::array<pollfd, 2> both{{{socket_, events, 0}, {stop_, POLLIN, 0}}};
    auto timeout = static_cast<int>(std::clamp<int64_t>(left, 0, INT_MAX));
    int count = ::poll(both.data(), both.size(), timeout);
    if (count < 0 && errno == EINTR) continue;
    return count > 0 && both[1].revents == 0 ? ready::yes : ready::no;
  }
}

bool tls_stream::can_go_on(int outcome, clock::time_point until) const {
  auto wants = SSL_get_error(ssl_.get(), outcome);
  ERR_clear_error();
  if (wants == SSL_ERROR_WANT_READ) return wait(POLLIN, until) == ready::yes;
  if (wants == SSL_ERROR_WANT_WRITE) return wait(POLLOUT, until) == ready::yes;
  return false;
}

bool tls_stream::handshake(std::chrono::milliseconds limit) {
  if (!ssl_) return false;
  auto until = clock::now() + limit;
  for (;;) {
    int outcome = SSL_accept(ssl_.get());
    if (outcome == 1) return true;
    if (!can_go_on(outcome, until)) return false;
  }
}

bool tls_stream::await_request(std::chrono::milliseconds limit) {
  return !unread_.empty() || SSL_pending(ssl_.get()) > 0 ||
         wait(POLLIN, clock::now() + limit) == ready::yes;
}

void tls_stream::begin_request(std::chrono::milliseconds limit, size_t most_bytes) {
  limit_ = limit;
  until_ = clock::now() + limit;
  left_bytes_ = most_bytes;
}

bool tls_stream::refill() {
  if (!output_.empty() &&
      !flush(std::chrono::ceil<std::chrono::milliseconds>(until_ - clock::now())))
    return false;
  for (;;) {
    if (clock::now() >= until_) return false;
    int outcome = SSL_read(ssl_.get(), input_.data(), static_cast<int>(input_.size()));
    if (outcome > 0) {
      unread_ = {input_.data(), static_cast<size_t>(outcome)};
      return true;
    }
    if (!can_go_on(outcome, until_)) return false;
  }
}

ssize_t tls_stream::read(char* to, size_t size) {
  auto most = std::min(size, left_bytes_);
  if (most == 0 || (unread_.empty() && !refill())) return -1;
  auto count = unread_.copy(to, most);
  unread_.remove_prefix(count);
  left_bytes_ -= count;
  return static_cast<ssize_t>(count);
}

ssize_t tls_stream::write(const char* from, size_t size) {
  if (output_.size() >= gathered_bytes && !flush(limit_)) return -1;
  output_.append(from, size);
  return static_cast<ssize_t>(size);
}

bool tls_stream::flush(std::chrono::milliseconds limit) {
  auto until = clock::now() + limit;
  size_t sent = 0;
  while (sent < output_.size()) {
    int outcome =
        SSL_write(ssl_.get(), output_.data() + sent, static_cast<int>(output_.size() - sent));
    if (outcome > 0)
      sent += static_cast<size_t>(outcome);
    else if (!can_go_on(outcome, until))
      return false;
  }
  output_.clear();
  return true;
}

void tls_stream::close() {
  if (!ssl_ || !SSL_is_init_finished(ssl_.get())) return;
  int outcome = SSL_shutdown(ssl_.get());
  if (outcome < 0) can_go_on(outcome, clock::now() + goodbye_limit);
  ERR_clear_error();
}

// Nobody asks: nothing here depends on where a request comes from.
void tls_stream::get_remote_ip_and_port(std::string&, int&) const {}
void tls_stream::get_local_ip_and_port(std::string&, int&) const {}

}  // namespace gkm::op
