#include "net/server/probe_server.hpp"

#include "net/server/connection_places.hpp"
#include "net/server/listener.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <map>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

namespace gkm::net {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Newcomers in one round, so that those who are here are looked at in between.
constexpr size_t newcomers_max = 32;
/// Until a descriptor may be free again.
constexpr milliseconds no_descriptor_pause{100};
constexpr const char* plain = "text/plain; charset=utf-8";
constexpr const char* prometheus_text = "text/plain; version=0.0.4; charset=utf-8";

std::string answer_text(int status, std::string_view reason, const char* type,
                        std::string_view body, bool with_body) {
  return "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason) +
         "\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + std::string(with_body ? body : "");
}

/// The first line of a request, as far as anybody asks.
struct question {
  bool head = false;  ///< HEAD instead of GET
  std::string_view path;
};

std::optional<question> parse_question(std::string_view text) {
  auto line = text.substr(0, text.find('\r'));
  auto method = line.substr(0, line.find(' '));
  if (method != "GET" && method != "HEAD") return std::nullopt;
  line.remove_prefix(std::min(method.size() + 1, line.size()));
  auto target = line.substr(0, line.find(' '));
  return question{method == "HEAD", target.substr(0, target.find('?'))};
}

struct conversation {
  base::fd socket;
  clock::time_point until{};
  std::string request;
  bool asked = false;  ///< the request is whole
  std::string answer;
  size_t sent = 0;
  bool over = false;
};

}  // namespace

class probe_server::impl {
public:
  impl(listener at, probe_answers answers, milliseconds limit)
      : listener_(std::move(at)),
        answers_(std::move(answers)),
        limit_(limit),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        thread_([this] { run(); }) {}

  ~impl() {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
  }

  uint16_t port() const { return listener_.port(); }

private:
  void run() {
    std::vector<pollfd> polled;
    while (wait(polled)) {
      auto now = clock::now();
      // Before newcomers, which are fewer a round than a peer may have: each is looked at once
      // before it can give way.
      for (size_t i = 2; i < polled.size(); ++i)
        if (polled[i].revents != 0) go_on(polled[i].fd);
      decide(now);
      if (polled[1].revents != 0) welcome(now);
      std::erase_if(open_, [&](const auto& one) {
        bool over = one.second.over || one.second.until <= now;
        if (over) places_.leave(static_cast<uint64_t>(one.first));
        return over;
      });
    }
  }

  /// False once the server ends.
  bool wait(std::vector<pollfd>& polled) {
    auto until = clock::now() + std::chrono::hours(1);
    bool listens = clock::now() >= listens_again_;
    if (!listens) until = listens_again_;
    polled.assign({{stop_.get(), POLLIN, 0}, {listens ? listener_.get() : -1, POLLIN, 0}});
    for (const auto& [fd, c] : open_) {
      // A whole request that is not answered yet waits for the next round, not for its socket.
      if (c.asked && c.answer.empty())
        until = clock::now();
      else
        polled.push_back({fd, static_cast<short>(c.answer.empty() ? POLLIN : POLLOUT), 0});
      until = std::min(until, c.until);
    }
    auto left = std::chrono::ceil<milliseconds>(until - clock::now()).count();
    auto timeout = static_cast<int>(std::clamp<int64_t>(left, 0, INT_MAX));
    if (::poll(polled.data(), polled.size(), timeout) < 0)
      for (auto& one : polled) one.revents = 0;
    return polled[0].revents == 0;
  }

  void welcome(clock::time_point now) {
    for (size_t i = 0; i < newcomers_max; ++i) {
      auto came = listener_.accept();
      if (!came) listens_again_ = now + no_descriptor_pause;
      if (!came || !*came) return;
      auto fd = (*came)->socket.get();
      auto arrival = places_.come(static_cast<uint64_t>(fd), (*came)->peer, now);
      if (arrival.gives_way) open_.erase(static_cast<int>(*arrival.gives_way));
      if (!arrival.taken) continue;
      auto& c = open_[fd];
      c.socket = std::move((*came)->socket);
      c.until = now + limit_;
    }
  }

  void go_on(int fd) {
    auto at = open_.find(fd);
    if (at == open_.end()) return;
    auto& c = at->second;
    if (c.answer.empty())
      read(c);
    else
      write(c);
  }

  static void read(conversation& c) {
    std::array<char, probe_request_bytes_max> part{};
    auto count = ::recv(c.socket.get(), part.data(), part.size(), 0);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) c.over = true;
    if (count <= 0) return;
    c.request.append(part.data(), static_cast<size_t>(count));
    c.asked = c.request.find("\r\n\r\n") != std::string::npos;
    if (!c.asked && c.request.size() > probe_request_bytes_max) c.over = true;
  }

  static void write(conversation& c) {
    auto count =
        ::send(c.socket.get(), c.answer.data() + c.sent, c.answer.size() - c.sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) c.over = true;
    if (count > 0) c.sent += static_cast<size_t>(count);
    if (c.sent == c.answer.size()) {
      ::shutdown(c.socket.get(), SHUT_WR);
      c.over = true;
    }
  }

  /// Metrics take longest: one of them a round, after all that is quick.
  void decide(clock::time_point now) {
    conversation* metrics = nullptr;
    for (auto& [fd, c] : open_) {
      if (!c.asked || !c.answer.empty() || c.over) continue;
      auto asked = parse_question(c.request);
      bool slow = asked && asked->path == "/metrics";
      if (slow && (!metrics || c.until < metrics->until)) metrics = &c;
      if (!slow) answer(c, asked, now);
    }
    if (metrics) answer(*metrics, parse_question(metrics->request), now);
  }

  void answer(conversation& c, const std::optional<question>& asked, clock::time_point now) {
    c.answer = asked ? text_for(*asked) : answer_text(405, "Method Not Allowed", plain, "", true);
    c.until = now + limit_;
    write(c);
  }

  std::string text_for(const question& q) const {
    if (q.path == "/healthz") return answer_text(200, "OK", plain, "ok\n", !q.head);
    if (q.path == "/metrics")
      return answer_text(200, "OK", prometheus_text, answers_.metrics(), !q.head);
    if (q.path != "/readyz") return answer_text(404, "Not Found", plain, "", true);
    if (answers_.ready()) return answer_text(200, "OK", plain, "ok\n", !q.head);
    return answer_text(503, "Service Unavailable", plain, "not ready\n", !q.head);
  }

  const listener listener_;
  const probe_answers answers_;
  const milliseconds limit_;
  const base::fd stop_;
  connection_places places_{
      {.places = probe_connections_max, .places_of_one = probe_connections_of_one}};
  std::map<int, conversation> open_;
  clock::time_point listens_again_{};
  std::jthread thread_;  // last: it uses all of the above
};

probe_server::probe_server(std::unique_ptr<impl> e) : impl_(std::move(e)) {}
probe_server::~probe_server() = default;

result<std::unique_ptr<probe_server>> probe_server::start(const std::string& address,
                                                          probe_answers answers,
                                                          std::chrono::milliseconds limit) {
  auto where = parse_listen_address(address);
  if (!where) return fail(where.error());
  auto at = listener::open(*where, "--metrics-address, --health-address");
  if (!at) return fail(at.error());
  return std::unique_ptr<probe_server>(
      new probe_server(std::make_unique<impl>(std::move(*at), std::move(answers), limit)));
}

uint16_t probe_server::port() const { return impl_->port(); }

}  // namespace gkm::net
