#include "net/http.hpp"
#include "tests/support/registry/fault_server.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace gkm::net {
namespace {

using support::fault_server;
using support::gate;
using support::reply;
using support::seen_request;

constexpr size_t mib = 1 << 20;
constexpr size_t chunk_limit_bytes = 256 * 1024;
/// What may be under way between a server and a reader: the queue, libcurl's buffer, and the
/// kernel's socket buffers at their largest.
constexpr uint64_t most_under_way_bytes = 24 * mib;

request get(std::string url) {
  request r;
  r.url = std::move(url);
  return r;
}

reply large(uint64_t mibs) {
  std::string block(mib, '\0');
  for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<char>(i * 2654435761U >> 13);
  return {200, block, {}, mibs};
}

std::string text(const base::chunk& c) {
  return {reinterpret_cast<const char*>(c.bytes().data()), c.size()};
}

}  // namespace

TEST(body, comes_whole_in_order_and_in_large_blocks) {
  auto answer = large(16);
  fault_server server([&](const seen_request&) { return answer; });
  engine http;
  auto stream = http.open(get(server.url()));
  ASSERT_TRUE(stream) << stream.error().message;
  uint64_t total = 0;
  for (;;) {
    auto c = (*stream)->next();
    ASSERT_TRUE(c) << c.error().message;
    if (c->empty()) break;
    ASSERT_LE(c->size(), chunk_limit_bytes);
    for (size_t i = 0; i < c->size(); i += 4093)
      ASSERT_EQ(text(*c)[i], answer.body[(total + i) % mib]);
    total += c->size();
  }
  EXPECT_EQ(total, 16 * mib);
}

TEST(body, what_is_there_is_given_out_before_more_comes) {
  auto more = std::make_shared<gate>();
  fault_server server([&](const seen_request&) {
    reply r{200, "first.second"};
    r.chunked = true;
    r.wrong.hold_body = more;
    r.wrong.hold_body_at = 6;
    return r;
  });
  engine http;
  auto stream = http.open(get(server.url()));
  ASSERT_TRUE(stream);
  std::string got;
  while (got.size() < 6) got += text(*(*stream)->next());
  EXPECT_EQ(got, "first.");
  more->open();
  for (;;) {
    auto c = (*stream)->next();
    ASSERT_TRUE(c) << c.error().message;
    if (c->empty()) break;
    got += text(*c);
  }
  EXPECT_EQ(got, "first.second");
}

TEST(body, many_small_writes_add_up) {
  std::string body;
  for (int i = 0; i < 20'000; ++i) body += std::to_string(i) + ",";
  fault_server server([&](const seen_request&) {
    reply r{200, body};
    r.chunked = true;
    r.wrong.piece_bytes = 7;
    return r;
  });
  engine http;
  auto got = http.fetch(get(server.url()), mib);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, body);
}

TEST(body, a_reader_that_waits_stops_the_sender) {
  constexpr uint64_t mibs = 256;
  auto answer = large(mibs);
  fault_server server([&](const seen_request&) { return answer; });
  engine http;
  auto r = get(server.url());
  // Shorter than the pause: a slow reader is no stall.
  r.limits.stall = std::chrono::milliseconds{50};
  auto stream = http.open(r);
  ASSERT_TRUE(stream) << stream.error().message;
  ASSERT_TRUE(server.wait_until_blocked()) << "all was sent though nobody read";
  EXPECT_LT(server.body_bytes_sent(), most_under_way_bytes);
  uint64_t total = 0;
  for (;;) {
    auto c = (*stream)->next();
    ASSERT_TRUE(c) << c.error().message;
    if (c->empty()) break;
    ASSERT_EQ(text(*c).front(), answer.body[total % mib]);
    total += c->size();
    ASSERT_LT(server.body_bytes_sent(), total + most_under_way_bytes);
  }
  EXPECT_EQ(total, mibs * mib);
}

TEST(body, a_paused_transfer_holds_up_no_other) {
  auto answer = large(256);
  fault_server server([&](const seen_request& r) {
    return r.path() == "/large" ? answer : reply{200, "small"};
  });
  engine http;
  auto stream = http.open(get(server.url("/large")));
  ASSERT_TRUE(stream);
  ASSERT_TRUE(server.wait_until_blocked());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(http.fetch(get(server.url("/small")), mib));
}

TEST(body, dropping_the_stream_ends_the_transfer) {
  auto answer = large(256);
  fault_server server([&](const seen_request&) { return answer; });
  engine http;
  {
    auto stream = http.open(get(server.url()));
    ASSERT_TRUE(stream);
    ASSERT_TRUE((*stream)->next());
  }
  server.wait_for_open_connections(0);
  EXPECT_LT(server.body_bytes_sent(), 256 * mib);
}

TEST(cancel, before_it_begins) {
  fault_server server([](const seen_request&) { return reply{200, "ok"}; });
  engine http;
  std::stop_source stop;
  stop.request_stop();
  auto got = http.fetch(get(server.url()), mib, stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::cancelled);
}

TEST(cancel, while_waiting_for_the_answer) {
  fault_server server([](const seen_request&) {
    reply r{200, "never"};
    r.wrong.hold_head = std::make_shared<gate>();
    return r;
  });
  engine http;
  std::stop_source stop;
  std::jthread canceller([&] {
    server.wait_for_requests(1);
    stop.request_stop();
  });
  auto got = http.fetch(get(server.url()), mib, stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::cancelled);
}

TEST(cancel, while_waiting_for_more_body) {
  fault_server server([](const seen_request&) {
    reply r{200, "some and never the rest"};
    r.wrong.hold_body = std::make_shared<gate>();
    r.wrong.hold_body_at = 4;
    return r;
  });
  engine http;
  std::stop_source stop;
  auto stream = http.open(get(server.url()), stop.get_token());
  ASSERT_TRUE(stream);
  ASSERT_EQ(text(*(*stream)->next()), "some");
  std::jthread canceller([&] { stop.request_stop(); });
  auto rest = (*stream)->next();
  ASSERT_FALSE(rest);
  EXPECT_EQ(rest.error().code, errc::cancelled);
  server.wait_for_open_connections(1);
}

TEST(cancel, while_paused) {
  auto answer = large(256);
  fault_server server([&](const seen_request&) { return answer; });
  engine http;
  std::stop_source stop;
  auto stream = http.open(get(server.url()), stop.get_token());
  ASSERT_TRUE(stream);
  ASSERT_TRUE(server.wait_until_blocked());
  stop.request_stop();
  EXPECT_EQ((*stream)->next().error().code, errc::cancelled);
  server.wait_for_open_connections(0);
}

TEST(cancel, while_waiting_for_its_turn) {
  fault_server server([](const seen_request&) {
    reply r{200, "x"};
    r.wrong.hold_body = std::make_shared<gate>();
    return r;
  });
  engine http({.connections_per_host = 1});
  auto first = http.open(get(server.url()));
  ASSERT_TRUE(first);
  std::stop_source stop;
  std::jthread canceller([&] { stop.request_stop(); });
  auto second = http.open(get(server.url()), stop.get_token());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::cancelled);
}

TEST(cancel, races_with_everything) {
  fault_server server([](const seen_request&) {
    reply r{200, std::string(100'000, 'x')};
    r.wrong.piece_bytes = 5'000;
    return r;
  });
  engine http;
  for (int i = 0; i < 200; ++i) {
    std::stop_source stop;
    std::jthread canceller([&] {
      for (int spin = 0; spin < i * 20; ++spin) std::this_thread::yield();
      stop.request_stop();
    });
    auto got = http.fetch(get(server.url()), mib, stop.get_token());
    if (got)
      EXPECT_EQ(got->body.size(), 100'000U);
    else
      EXPECT_EQ(got.error().code, errc::cancelled) << got.error().message;
  }
}

TEST(cancel, a_slot_is_free_again) {
  fault_server server([](const seen_request& r) {
    reply out{200, "x"};
    if (r.path() == "/held") out.wrong.hold_body = std::make_shared<gate>();
    return out;
  });
  engine http({.connections_per_host = 1});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(http.open(get(server.url("/held"))));
  EXPECT_EQ(http.fetch(get(server.url("/free")), mib)->body, "x");
}

}  // namespace gkm::net
