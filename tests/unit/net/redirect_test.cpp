#include "net/http.hpp"
#include "tests/support/registry/fault_server.hpp"

#include <gtest/gtest.h>

namespace gkm::net {
namespace {

using support::fault_server;
using support::reply;
using support::seen_request;

constexpr size_t plenty = 1 << 20;

request with_credentials(std::string url) {
  request r;
  r.url = std::move(url);
  r.authorization = "Bearer s3cret";
  r.headers = {{"Cookie", "also=s3cret"}, {"X-Kept", "yes"}};
  return r;
}

}  // namespace

TEST(redirect, same_origin_keeps_credentials) {
  for (int status : {301, 302, 303, 307, 308}) {
    fault_server server([&](const seen_request& r) {
      if (r.path() == "/v2/a") return reply::redirect(status, "b?x=1");
      return reply{200, "there"};
    });
    engine http;
    auto got = http.fetch(with_credentials(server.url("/v2/a")), plenty);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->body, "there");
    EXPECT_EQ(got->head.url, server.url("/v2/b?x=1"));
    auto seen = server.requests().at(1);
    EXPECT_EQ(seen.target, "/v2/b?x=1");
    EXPECT_EQ(seen.header("authorization"), "Bearer s3cret") << status;
    EXPECT_EQ(server.connections(), 1U)
        << "the answer's body was read, so its connection serves on";
  }
}

TEST(redirect, other_origin_never_sees_credentials_nor_does_the_way_back) {
  std::string home;
  fault_server other([&](const seen_request&) { return reply::redirect(302, home); });
  fault_server server([&](const seen_request& r) {
    if (r.path() == "/start") return reply::redirect(307, other.url("/blob"));
    return reply{200, "home"};
  });
  home = server.url("/home");
  engine http;
  auto got = http.fetch(with_credentials(server.url("/start")), plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "home");
  EXPECT_EQ(server.requests().at(0).header("authorization"), "Bearer s3cret");
  for (const auto& seen : {other.requests().at(0), server.requests().at(1)}) {
    EXPECT_FALSE(seen.has("authorization"));
    EXPECT_FALSE(seen.has("cookie"));
    EXPECT_EQ(seen.header("x-kept"), "yes");
  }
}

TEST(redirect, another_name_of_the_same_server_is_another_origin) {
  fault_server server([](const seen_request& r) {
    if (r.path() != "/start") return reply{200, "ok"};
    auto port = r.header("host").substr(r.header("host").find(':'));
    return reply::redirect(302, "http://localhost" + port + "/next");
  });
  engine http;
  auto got = http.fetch(with_credentials(server.url("/start")), plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_FALSE(server.requests().at(1).has("authorization"));
}

TEST(redirect, bounded_in_number) {
  fault_server server([](const seen_request& r) {
    auto n = std::stoi(r.target.substr(1));
    return n == 0 ? reply{200, "end"} : reply::redirect(302, "/" + std::to_string(n - 1));
  });
  engine http({.redirects = 3});
  EXPECT_EQ(http.fetch(with_credentials(server.url("/3")), plenty)->body, "end");
  auto got = http.fetch(with_credentials(server.url("/4")), plenty);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::refused);
  engine none({.redirects = 0});
  EXPECT_FALSE(none.fetch(with_credentials(server.url("/1")), plenty));
}

TEST(redirect, refused_targets) {
  for (std::string target :
       {"ftp://127.0.0.1/x", "file:///etc/passwd", "http://u:s3cret@127.0.0.1/",
        "http://storage.invalid/?sig=s3cret", "http://127.0.0.1:99999/", "http://[::1/"}) {
    fault_server server([&](const seen_request&) { return reply::redirect(302, target); });
    engine http;
    auto got = http.fetch(with_credentials(server.url("/p?q=s3cret")), plenty);
    ASSERT_FALSE(got) << target;
    EXPECT_EQ(got.error().code, errc::refused) << target;
    EXPECT_EQ(got.error().message.find("s3cret"), std::string::npos) << got.error().message;
    EXPECT_NE(got.error().message.find(server.authority()), std::string::npos);
  }
}

TEST(redirect, of_other_methods_and_without_location_is_the_callers) {
  fault_server server([](const seen_request& r) {
    return r.method == "GET" ? reply{302, "nowhere"} : reply::redirect(307, "/elsewhere");
  });
  engine http;
  request put;
  put.method = "PUT";
  put.url = server.url();
  put.body = "x";
  auto got = http.fetch(put, plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->head.status, 307);
  EXPECT_EQ(got->head.header("location"), "/elsewhere");
  auto nowhere = http.fetch(with_credentials(server.url()), plenty);
  ASSERT_TRUE(nowhere);
  EXPECT_EQ(nowhere->head.status, 302);
  EXPECT_EQ(nowhere->body, "nowhere");
}

TEST(redirect, head_follows_too) {
  fault_server server([](const seen_request& r) {
    return r.path() == "/a" ? reply::redirect(301, "/b") : reply{200, "12345"};
  });
  engine http;
  auto r = with_credentials(server.url("/a"));
  r.method = "HEAD";
  auto got = http.fetch(r, plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->head.header("content-length"), "5");
  EXPECT_EQ(server.requests().at(1).method, "HEAD");
}

TEST(redirect, a_body_without_end_does_not_keep_it) {
  fault_server server([](const seen_request& r) {
    if (r.path() == "/b") return reply{200, "there"};
    auto out = reply::redirect(302, "/b");
    out.body = std::string(1 << 16, 'x');
    out.repeat_body = uint64_t{1} << 20;
    return out;
  });
  engine http;
  auto got = http.fetch(with_credentials(server.url("/a")), plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "there");
}

TEST(redirect, a_body_that_never_comes_does_not_keep_it) {
  fault_server server([](const seen_request& r) {
    if (r.path() == "/b") return reply{200, "there"};
    auto out = reply::redirect(302, "/b");
    out.wrong.hold_body = std::make_shared<support::gate>();
    return out;
  });
  engine http;
  auto got = http.fetch(with_credentials(server.url("/a")), plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "there");
}

}  // namespace gkm::net
