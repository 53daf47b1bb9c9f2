// With the project's own HTTP engine, as kubelet would, and with bare sockets, as nobody should.
#include "net/server/probe_server.hpp"

#include "base/files.hpp"
#include "net/http.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <vector>

namespace gkm::net {
namespace {

using std::chrono::milliseconds;

class slow_client {
public:
  explicit slow_client(uint16_t port, const std::string& bytes = "GET /healthz HTTP/1.1\r\nX: ")
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    say(bytes);
  }
  void say(const std::string& bytes) const {
    ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  std::string read_to_end() const {
    std::string all;
    std::array<char, 4096> part{};
    for (ssize_t n = 0; (n = ::recv(socket_.get(), part.data(), part.size(), 0)) > 0;)
      all.append(part.data(), static_cast<size_t>(n));
    return all;
  }

private:
  base::fd socket_;
};

class probe_server_test : public testing::Test {
protected:
  void start(milliseconds limit = probe_limit) {
    auto made = probe_server::start(
        "127.0.0.1:0", {[this] { return ready_.load(); }, [this] { return metrics_; }}, limit);
    ASSERT_TRUE(made) << made.error().message;
    server_ = std::move(*made);
  }
  response get(const std::string& path, const std::string& method = "GET") {
    request r;
    r.method = method;
    r.url = "http://127.0.0.1:" + std::to_string(server_->port()) + path;
    auto got = http_.fetch(r, 1 << 24);
    EXPECT_TRUE(got) << got.error().message;
    return got ? *got : response{};
  }

  std::atomic<bool> ready_ = true;
  std::string metrics_ = "gkm_x 1\n";
  engine http_;
  std::unique_ptr<probe_server> server_;
};

TEST_F(probe_server_test, says_that_it_runs_whether_it_is_ready_and_what_it_counts) {
  start();
  EXPECT_EQ(get("/healthz").head.status, 200);
  EXPECT_EQ(get("/readyz?verbose").head.status, 200);
  ready_ = false;
  EXPECT_EQ(get("/readyz").head.status, 503);
  EXPECT_EQ(get("/healthz").body, "ok\n");
  auto metrics = get("/metrics");
  EXPECT_EQ(metrics.body, "gkm_x 1\n");
  EXPECT_EQ(metrics.head.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(get("/metrics", "HEAD").head.header("content-length"), "8");
  EXPECT_EQ(get("/other").head.status, 404);
  EXPECT_EQ(get("/healthz", "POST").head.status, 405);
}

TEST_F(probe_server_test, answers_while_slow_clients_hold_all_that_it_gives_them) {
  start(std::chrono::hours(1));
  std::vector<std::unique_ptr<slow_client>> slow;
  for (size_t i = 0; i < 3 * probe_connections_max; ++i)
    slow.push_back(std::make_unique<slow_client>(server_->port()));
  EXPECT_EQ(get("/healthz").head.status, 200);
  EXPECT_EQ(slow.front()->read_to_end(), "") << "the oldest gave way";
  slow.back()->say("\r\n\r\n");
  EXPECT_EQ(slow.back()->read_to_end().substr(0, 15), "HTTP/1.1 200 OK");
}

TEST_F(probe_server_test, closes_what_does_not_ask_in_time_however_it_trickles) {
  start(milliseconds(50));
  slow_client silent(server_->port(), "");
  EXPECT_EQ(silent.read_to_end(), "");
  slow_client slow(server_->port());
  EXPECT_EQ(slow.read_to_end(), "");
}

TEST_F(probe_server_test, closes_what_does_not_take_its_answer) {
  metrics_ = std::string(16 << 20, 'm');
  start(milliseconds(50));
  slow_client deaf(server_->port(), "GET /metrics HTTP/1.1\r\n\r\n");
  slow_client other(server_->port());
  EXPECT_EQ(other.read_to_end(), "") << "time passed";
  EXPECT_EQ(get("/healthz").head.status, 200);
  EXPECT_LT(deaf.read_to_end().size(), metrics_.size());
}

TEST_F(probe_server_test, outlives_garbage) {
  start();
  for (const auto& bytes :
       {std::string("\r\n\r\n"), std::string(20'000, 'A'), std::string(64, '\0') + "\r\n\r\n",
        std::string("GET\r\n\r\n"), std::string("GET  HTTP/1.1\r\n\r\n")})
    slow_client(server_->port(), bytes).read_to_end();
  EXPECT_EQ(get("/healthz").head.status, 200);
}

TEST_F(probe_server_test, ends_whoever_is_there) {
  start(std::chrono::hours(1));
  slow_client slow(server_->port());
  get("/healthz");
  server_.reset();
  EXPECT_EQ(slow.read_to_end(), "");
}

TEST(probe_server, says_why_it_cannot_listen) {
  for (const char* address : {"", "x", ":70000"})
    EXPECT_EQ(probe_server::start(address, {}).error().code, errc::invalid_argument) << address;
  EXPECT_EQ(probe_server::start("192.0.2.1:1", {}).error().code, errc::io);
}

}  // namespace
}  // namespace gkm::net
