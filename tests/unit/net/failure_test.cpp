#include "net/http.hpp"
#include "tests/support/registry/fault_server.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace gkm::net {
namespace {

using std::chrono::milliseconds;
using support::fault;
using support::fault_server;
using support::gate;
using support::reply;
using support::seen_request;

constexpr size_t plenty = 8 << 20;

request get(std::string url) {
  request r;
  r.url = std::move(url);
  return r;
}

/// The error of a request to a server that always answers so.
error failure_of(const reply& answer, timeouts limits = {}) {
  fault_server server([&](const seen_request&) { return answer; });
  engine http;
  auto r = get(server.url("/v2/x?token=s3cret"));
  r.authorization = "Bearer s3cret";
  r.limits = limits;
  auto got = http.fetch(r, plenty);
  if (got) return {};
  EXPECT_EQ(got.error().message.find("s3cret"), std::string::npos) << got.error().message;
  EXPECT_NE(got.error().message.find(server.authority()), std::string::npos) << got.error().message;
  return got.error();
}

bool says(const error& e, const std::string& words) {
  return e.message.find(words) != std::string::npos;
}

reply faulty(fault wrong, std::string body = "0123456789") {
  reply r{200, std::move(body)};
  r.wrong = std::move(wrong);
  return r;
}

}  // namespace

TEST(failure, nobody_listens) {
  auto url = "http://127.0.0.1:" + std::to_string(support::unused_port());
  engine http;
  auto got = http.fetch(get(url + "/?q=s3cret"), plenty);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_EQ(got.error().message, "cannot connect to '" + url + "': connection refused");
}

TEST(failure, has_one_text_for_all_that_keeps_from_an_answer_where_causes_are_hidden) {
  support::silent_listener silent;
  fault_server plain([](const seen_request&) { return reply{200, "x"}; });
  fault_server broken([](const seen_request&) { return faulty({.hang_up = true}); });
  fault_server odd([](const seen_request&) { return faulty({.raw = "SSH-2.0-OpenSSH_9.2\r\n"}); });
  engine_options options;
  options.hide_causes = true;
  engine http(options);
  auto text_of = [&](const std::string& authority, const std::string& scheme) {
    auto r = get(scheme + "://" + authority);
    r.limits.connect = milliseconds{50};
    auto got = http.fetch(r, plenty);
    if (got) return std::string("answered");
    EXPECT_EQ(got.error().code, errc::unavailable) << got.error().message;
    auto text = got.error().message;
    return text.substr(text.find("' "));
  };
  auto closed = "127.0.0.1:" + std::to_string(support::unused_port());
  auto one = text_of(closed, "https");
  EXPECT_NE(one.find("cannot be reached: check its name and port"), std::string::npos) << one;
  EXPECT_EQ(text_of(closed, "http"), one);
  EXPECT_EQ(text_of("127.0.0.1:" + std::to_string(silent.port()), "https"), one);
  EXPECT_EQ(text_of(plain.authority(), "https"), one);
  EXPECT_EQ(text_of(broken.authority(), "http"), one);
  EXPECT_EQ(text_of(odd.authority(), "http"), one);
  // A name that no name server is asked for: its first part is too long.
  EXPECT_EQ(text_of(std::string(64, 'x') + ".invalid", "https"), one);
}

TEST(failure, shows_nothing_of_a_proxy_setting) {
  engine http({.plain_http_anywhere = true});
  for (const char* proxy : {"http://user:s3cret@127.0.0.1:99999", "http://user:s3c/ret@127.0.0.1:1",
                            "ftp://user:s3cret@127.0.0.1:1", "user:s3cret@:x",
                            "http://user:s3cret@[::1", "http://us'er:s3cret@127.0.0.1:x"}) {
    auto r = get("http://registry.example/");
    r.proxy = proxy;
    r.limits.connect = milliseconds{500};
    auto got = http.fetch(r, plenty);
    ASSERT_FALSE(got) << proxy;
    EXPECT_TRUE(says(got.error(), "proxy")) << got.error().message;
    EXPECT_FALSE(says(got.error(), "s3c")) << got.error().message;
    EXPECT_FALSE(says(got.error(), "user")) << got.error().message;
  }
}

TEST(failure, a_handshake_that_is_never_answered) {
  support::silent_listener silent;
  engine http;
  auto r = get("https://127.0.0.1:" + std::to_string(silent.port()));
  r.limits.connect = milliseconds{50};
  auto got = http.fetch(r, plenty);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_TRUE(says(got.error(), "no connection within 50 ms")) << got.error().message;
}

TEST(failure, no_answer_in_time) {
  timeouts limits;
  limits.first_byte = milliseconds{50};
  auto e = failure_of(faulty({.hold_head = std::make_shared<gate>()}), limits);
  EXPECT_EQ(e.code, errc::unavailable);
  EXPECT_TRUE(says(e, "no answer from 'http://127.0.0.1:")) << e.message;
  EXPECT_TRUE(says(e, "within 50 ms")) << e.message;
}

TEST(failure, headers_that_stall) {
  timeouts limits;
  limits.stall = milliseconds{50};
  auto e = failure_of(faulty({.hold_headers = std::make_shared<gate>()}), limits);
  EXPECT_EQ(e.code, errc::unavailable);
  EXPECT_TRUE(says(e, "stalled: no byte for 50 ms")) << e.message;
}

TEST(failure, a_body_that_stalls) {
  timeouts limits;
  limits.stall = milliseconds{50};
  auto e = failure_of(faulty({.hold_body = std::make_shared<gate>(), .hold_body_at = 4}), limits);
  EXPECT_EQ(e.code, errc::unavailable);
  EXPECT_TRUE(says(e, "stalled: no byte for 50 ms")) << e.message;
}

TEST(failure, what_came_before_a_stall_is_given_out_first) {
  fault_server server([](const seen_request&) {
    return faulty({.hold_body = std::make_shared<gate>(), .hold_body_at = 4});
  });
  engine http;
  auto r = get(server.url());
  r.limits.stall = milliseconds{50};
  auto stream = http.open(r);
  ASSERT_TRUE(stream);
  EXPECT_EQ((*stream)->next()->size(), 4U);
  EXPECT_FALSE((*stream)->next());
}

TEST(failure, waiting_for_a_turn_is_no_timeout) {
  auto done = std::make_shared<gate>();
  fault_server server([&](const seen_request& r) {
    return r.path() == "/first" ? faulty({.hold_body = done}) : reply{200, "second"};
  });
  engine http({.connections_per_host = 1});
  auto first = http.open(get(server.url("/first")));
  ASSERT_TRUE(first);
  auto r = get(server.url("/second"));
  r.limits = {milliseconds{2000}, milliseconds{2000}, milliseconds{2000}};
  result<response> second;
  std::jthread response_consumer([&] { second = http.fetch(r, plenty); });
  done->open();
  while (!(*first)->next()->empty()) {
  }
  response_consumer.join();
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->body, "second");
}

TEST(failure, hung_up_without_an_answer) {
  auto e = failure_of(faulty({.hang_up = true}));
  EXPECT_EQ(e.code, errc::unavailable);
  EXPECT_TRUE(says(e, "broke before it answered")) << e.message;
  e = failure_of(faulty({.reset = true, .hang_up = true}));
  EXPECT_EQ(e.code, errc::unavailable);
  EXPECT_TRUE(says(e, "broke before it answered")) << e.message;
}

TEST(failure, body_cut_short) {
  auto e = failure_of(faulty({.cut_after = 4}));
  EXPECT_EQ(e.code, errc::unavailable);
  EXPECT_TRUE(says(e, "broke after 4 of 10 bytes")) << e.message;
  e = failure_of(faulty({.claimed_length = 12}));
  EXPECT_EQ(e.code, errc::unavailable);
  EXPECT_TRUE(says(e, "broke after 10 of 12 bytes")) << e.message;
}

TEST(failure, chunked_body_cut_short) {
  auto answer = faulty({.cut_after = 4});
  answer.chunked = true;
  auto e = failure_of(answer);
  EXPECT_EQ(e.code, errc::unavailable);
  EXPECT_TRUE(says(e, "broke after 4 bytes")) << e.message;
}

TEST(failure, body_reset_midway) {
  // RST discards what the reader had not taken yet, so it comes after a gate that the reader opens.
  auto taken = std::make_shared<gate>();
  fault_server server([&](const seen_request&) {
    return faulty({.hold_body = taken, .hold_body_at = 4, .cut_after = 5, .reset = true});
  });
  engine http;
  auto stream = http.open(get(server.url()));
  ASSERT_TRUE(stream);
  EXPECT_EQ((*stream)->next()->size(), 4U);
  taken->open();
  auto rest = (*stream)->next();
  if (rest) rest = (*stream)->next();
  ASSERT_FALSE(rest);
  EXPECT_EQ(rest.error().code, errc::unavailable);
  EXPECT_TRUE(says(rest.error(), " of 10 bytes")) << rest.error().message;
}

TEST(failure, a_longer_body_than_announced_is_cut) {
  fault_server server([](const seen_request&) { return faulty({.claimed_length = 3}); });
  engine http;
  auto got = http.fetch(get(server.url()), plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "012");
}

TEST(failure, too_many_headers) {
  reply many{200, "x"};
  for (int i = 0; i < 1100; ++i) many.headers.emplace_back("X-" + std::to_string(i), "y");
  EXPECT_EQ(failure_of(many).code, errc::limit_exceeded);
  reply wide{200, "x"};
  for (int i = 0; i < 5; ++i) wide.headers.emplace_back("X", std::string(60'000, 'y'));
  EXPECT_EQ(failure_of(wide).code, errc::limit_exceeded);
}

TEST(failure, headers_without_end) {
  std::string endless;
  for (int i = 0; i < 20'000; ++i) endless += "HTTP/1.1 103 Early Hints\r\n\r\n";
  EXPECT_EQ(failure_of(faulty({.raw = endless})).code, errc::limit_exceeded);
  auto e = failure_of(faulty({.raw = "HTTP/1.1 200 OK\r\nX: " + std::string(2 << 20, 'y')}));
  EXPECT_NE(e.code, errc::none);
}

TEST(failure, answers_that_are_not_http) {
  for (std::string raw : {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/9.9 abc\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    auto e = failure_of(faulty({.raw = raw}));
    EXPECT_EQ(e.code, errc::unavailable) << raw;
    EXPECT_FALSE(e.message.empty());
  }
}

TEST(failure, interim_answers_are_passed_over) {
  fault_server server([](const seen_request&) {
    return faulty({.raw = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
  });
  engine http;
  auto got = http.fetch(get(server.url()), plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "ok");
  EXPECT_EQ(got->head.header("link"), "");
}

}  // namespace gkm::net
