#include "net/http.hpp"
#include "tests/support/registry/fault_server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace gkm::net {
namespace {

using support::fault_server;
using support::reply;
using support::seen_request;

constexpr size_t plenty = 1 << 20;

request get(std::string url) {
  request r;
  r.url = std::move(url);
  return r;
}

}  // namespace

TEST(fetch, gives_status_headers_body_and_url) {
  fault_server server([](const seen_request&) {
    return reply{404, "not here", {{"X-One", "a"}, {"x-one", "b"}, {"Content-Encoding", "gzip"}}};
  });
  engine http;
  auto got = http.fetch(get(server.url("/a/b?c=d")), plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->head.status, 404);
  EXPECT_EQ(got->head.header("x-one"), "a, b");
  EXPECT_EQ(got->head.header("absent"), "");
  EXPECT_EQ(got->head.url, server.url("/a/b?c=d"));
  EXPECT_EQ(got->body, "not here") << "never decoded";
  auto seen = server.requests().at(0);
  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.target, "/a/b?c=d");
  EXPECT_EQ(seen.header("user-agent"), "gkm");
  EXPECT_FALSE(seen.has("accept-encoding"));
  EXPECT_FALSE(seen.has("authorization"));
  EXPECT_FALSE(seen.has("cookie"));
}

TEST(fetch, sends_headers_authorization_and_body) {
  fault_server server([](const seen_request& r) { return reply{201, r.body}; });
  engine http({.user_agent = "gkm/test"});
  auto r = get(server.url());
  r.method = "POST";
  r.headers = {{"Accept", "a/b"}, {"X-Empty", ""}};
  r.authorization = "Bearer t";
  r.body.assign(300'000, 'x');
  r.body += "end";
  r.content_type = "application/json";
  auto got = http.fetch(r, plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, r.body);
  auto seen = server.requests().at(0);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.header("accept"), "a/b");
  EXPECT_TRUE(seen.has("x-empty"));
  EXPECT_EQ(seen.header("authorization"), "Bearer t");
  EXPECT_EQ(seen.header("content-type"), "application/json");
  EXPECT_EQ(seen.header("user-agent"), "gkm/test");
  EXPECT_FALSE(seen.has("expect"));
}

TEST(fetch, methods_with_and_without_a_body) {
  fault_server server([](const seen_request& r) { return reply{200, r.method + r.body}; });
  engine http;
  for (std::string method : {"PUT", "PATCH", "DELETE", "POST"}) {
    auto r = get(server.url());
    r.method = method;
    auto empty = http.fetch(r, plenty);
    ASSERT_TRUE(empty) << empty.error().message;
    EXPECT_EQ(empty->body, method);
    EXPECT_EQ(server.requests().back().header("content-length"), "0") << method;
    EXPECT_FALSE(server.requests().back().has("content-type"));
    r.body = "!";
    EXPECT_EQ(http.fetch(r, plenty)->body, method + "!");
  }
  auto head = get(server.url());
  head.method = "HEAD";
  auto got = http.fetch(head, 0);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->head.header("content-length"), "4");
  EXPECT_EQ(got->body, "");
}

TEST(fetch, never_more_than_asked_for) {
  fault_server server([](const seen_request& r) {
    reply big{200, std::string(1000, 'x')};
    big.chunked = r.path() == "/chunked";
    return big;
  });
  engine http;
  for (const char* path : {"/known", "/chunked"}) {
    EXPECT_EQ(http.fetch(get(server.url(path)), 1000)->body.size(), 1000U);
    auto got = http.fetch(get(server.url(path)), 999);
    ASSERT_FALSE(got) << path;
    EXPECT_EQ(got.error().code, errc::limit_exceeded);
  }
}

TEST(fetch, refuses_requests_that_could_be_two) {
  engine http;
  auto bad = [&](auto&& change) {
    auto r = get("http://127.0.0.1:1/");
    change(r);
    auto got = http.fetch(r, plenty);
    return got ? errc::none : got.error().code;
  };
  EXPECT_EQ(bad([](request& r) { r.method = "GET /x HTTP/1.1\r\nA:"; }), errc::invalid_argument);
  EXPECT_EQ(bad([](request& r) { r.method = ""; }), errc::invalid_argument);
  EXPECT_EQ(bad([](request& r) { r.headers = {{"A", "b\r\nC: d"}}; }), errc::invalid_argument);
  EXPECT_EQ(bad([](request& r) { r.headers = {{"A: b\r\nC", "d"}}; }), errc::invalid_argument);
  EXPECT_EQ(bad([](request& r) { r.authorization = "Basic x\n"; }), errc::invalid_argument);
  EXPECT_EQ(bad([](request& r) { r.url = "http://127.0.0.1:1/\r\nX: y"; }), errc::invalid_argument);
}

TEST(fetch, plain_http_only_to_loopback_unless_listed) {
  engine http;
  auto got = http.fetch(get("http://registry.invalid/secret-path?q=secret"), plenty);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::refused);
  EXPECT_NE(got.error().message.find("'http://registry.invalid'"), std::string::npos);
  EXPECT_EQ(got.error().message.find("secret"), std::string::npos);
}

TEST(fetch, sequential_requests_share_one_connection) {
  fault_server server([](const seen_request&) { return reply{200, "ok"}; });
  engine http;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(http.fetch(get(server.url()), plenty));
  EXPECT_EQ(server.connections(), 1U);
}

TEST(fetch, a_kept_connection_that_died_is_replaced) {
  fault_server server([](const seen_request& r) {
    reply last{200, "ok"};
    last.until_close = r.path() == "/last";
    return last;
  });
  engine http;
  ASSERT_TRUE(http.fetch(get(server.url("/first")), plenty));
  ASSERT_TRUE(http.fetch(get(server.url("/last")), plenty));
  server.wait_for_open_connections(0);
  auto post = get(server.url("/next"));
  post.method = "POST";
  post.body = "again";
  ASSERT_TRUE(http.fetch(post, plenty));
  EXPECT_EQ(server.requests().back().body, "again");
}

TEST(fetch, proxies_are_never_asked_for_loopback) {
  auto nobody = "http://127.0.0.1:" + std::to_string(support::unused_port());
  ASSERT_EQ(setenv("http_proxy", nobody.c_str(), 1), 0);
  ASSERT_EQ(setenv("no_proxy", "", 1), 0);
  fault_server server([](const seen_request&) { return reply{200, "direct"}; });
  engine http({.plain_http_hosts = {"registry.invalid"}});
  auto direct = http.fetch(get(server.url()), plenty);
  auto proxied = http.fetch(get("http://registry.invalid/"), plenty);
  unsetenv("http_proxy");
  unsetenv("no_proxy");
  ASSERT_TRUE(direct) << direct.error().message;
  EXPECT_EQ(direct->body, "direct");
  ASSERT_FALSE(proxied);
  EXPECT_EQ(proxied.error().code, errc::unavailable);
}

TEST(fetch, many_threads_at_once_within_the_limit_per_host) {
  constexpr uint32_t limit = 4;
  constexpr int threads = 32, fetches = 10;
  fault_server server([](const seen_request& r) {
    return reply{200, std::string(5000, r.target.back())};
  });
  engine http({.connections_per_host = limit});
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> all;
    for (int t = 0; t < threads; ++t)
      all.emplace_back([&, t] {
        auto mark = static_cast<char>('a' + t % 26);
        for (int i = 0; i < fetches; ++i) {
          auto got = http.fetch(get(server.url(std::string("/") + mark)), plenty);
          if (got && got->body == std::string(5000, mark)) ++right;
        }
      });
  }
  EXPECT_EQ(right, threads * fetches);
  EXPECT_LE(server.connections(), limit);
}

TEST(engine, goes_at_once_with_idle_connections_and_without_any) {
  fault_server server([](const seen_request&) { return reply{200, "ok"}; });
  { engine unused; }
  {
    engine http;
    ASSERT_TRUE(http.fetch(get(server.url()), plenty));
    EXPECT_EQ(server.open_connections(), 1U);
  }
  server.wait_for_open_connections(0);
}

namespace {

// The voluntary context switches of the one thread of that name, and whether it sleeps now.
struct thread_state {
  bool sleeps = false;
  long switches = -1;
};

thread_state state_of(const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string comm;
    std::getline(std::ifstream(task.path() / "comm"), comm);
    if (comm != name) continue;
    thread_state s;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("State:")) s.sleeps = line.find('S', 6) != std::string::npos;
      if (line.starts_with("voluntary_ctxt_switches:")) s.switches = std::stol(line.substr(24));
    }
    return s;
  }
  return {};
}

// How often the loop woke up while a window passed in which it had nothing to do.
long wake_ups() {
  // Only a window that is longer than the periods people poll with proves anything.
  constexpr std::chrono::milliseconds window{1'200};
  while (!state_of("gkm-http").sleeps) std::this_thread::yield();
  long before = state_of("gkm-http").switches;
  std::this_thread::sleep_for(window);
  return state_of("gkm-http").switches - before;
}

}  // namespace

TEST(engine, sleeps_while_idle_and_while_a_reader_pauses) {
  fault_server server([](const seen_request& r) {
    reply out{200, "ok"};
    if (r.path() == "/large") out = {200, std::string(plenty, 'x'), {}, 64};
    return out;
  });
  engine http;
  ASSERT_TRUE(http.fetch(get(server.url()), plenty));
  EXPECT_EQ(wake_ups(), 0);
  auto paused = http.open(get(server.url("/large")));
  ASSERT_TRUE(paused);
  ASSERT_TRUE(server.wait_until_blocked());
  EXPECT_EQ(wake_ups(), 0) << "a stream that nobody reads keeps the loop busy";
}

}  // namespace gkm::net
