#include "net/url.hpp"

#include <gtest/gtest.h>

namespace gkm::net {

TEST(url, splits_what_decides_trust) {
  auto u = parse_url("HTTPS://Quay.IO/v2/a/b?token=s3cret#part");
  ASSERT_TRUE(u);
  EXPECT_EQ(u->scheme, "https");
  EXPECT_EQ(u->host, "quay.io");
  EXPECT_EQ(u->port, "443");
  EXPECT_EQ(u->origin(), "https://quay.io");
  EXPECT_EQ(u->text.find('#'), std::string::npos);
  EXPECT_NE(u->text.find("?token=s3cret"), std::string::npos);
  EXPECT_EQ(parse_url("http://[::1]:5000/")->origin(), "http://[::1]:5000");
}

TEST(url, refuses_what_it_must_not_ask) {
  for (const char* text :
       {"ftp://example.com/x", "file:///etc/passwd", "gopher://x/", "https://user@example.com/",
        "https://user:secret@example.com/", "https://:secret@example.com/"}) {
    auto u = parse_url(text);
    ASSERT_FALSE(u) << text;
    EXPECT_EQ(u.error().code, errc::refused) << text;
    EXPECT_EQ(u.error().message.find("secret"), std::string::npos);
  }
  for (std::string text : {"", "example.com/x", "http://", "https://exa mple/", "http://a:99999/",
                           "https://a/\r\nX: y"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
  EXPECT_FALSE(parse_url("https://a/" + std::string(20'000, 'x')));
  EXPECT_FALSE(parse_url(std::string("https://a/\0b", 12)));
}

TEST(url, knows_loopback_by_name_and_number_only) {
  for (const char* text : {"http://localhost:1/", "http://LOCALHOST/", "http://127.0.0.1/",
                           "http://127.8.9.1:5000/", "http://[::1]/"})
    EXPECT_TRUE(parse_url(text)->is_loopback()) << text;
  for (const char* text :
       {"http://127.evil.com/", "http://localhost.evil.com/", "http://128.0.0.1/",
        "http://127.0.0.1.evil.com/", "http://[::2]/", "http://xlocalhost/"})
    EXPECT_FALSE(parse_url(text)->is_loopback()) << text;
}

TEST(url, resolves_locations) {
  auto base = parse_url("https://a.example:8443/v2/x/blobs/y?q=1");
  ASSERT_TRUE(base);
  struct row {
    const char *location, *expected;
  };
  for (auto [location, expected] :
       {row{"/z", "https://a.example:8443/z"},
        row{"z?k=v%2Fw", "https://a.example:8443/v2/x/blobs/z?k=v%2Fw"},
        row{"//b.example/z", "https://b.example/z"}, row{"../z", "https://a.example:8443/v2/x/z"},
        row{"https://c.example/a?X-Sig=a%2Bb", "https://c.example/a?X-Sig=a%2Bb"},
        row{"?only=query", "https://a.example:8443/v2/x/blobs/y?only=query"}}) {
    auto u = resolve_url(*base, location);
    ASSERT_TRUE(u) << location;
    EXPECT_EQ(u->text, expected);
  }
  EXPECT_EQ(resolve_url(*base, "ftp://c.example/").error().code, errc::refused);
  EXPECT_EQ(resolve_url(*base, "https://u:p@c.example/").error().code, errc::refused);
  EXPECT_EQ(resolve_url(*base, "https://c.example:0x99/").error().code, errc::refused);
}

TEST(url, origin_is_scheme_host_and_port) {
  auto a = *parse_url("https://a.example/x");
  EXPECT_TRUE(same_origin(a, *parse_url("https://A.example:443/y")));
  EXPECT_FALSE(same_origin(a, *parse_url("https://a.example:444/x")));
  EXPECT_FALSE(same_origin(a, *parse_url("http://a.example:443/x")));
  EXPECT_FALSE(same_origin(a, *parse_url("https://b.example/x")));
}

TEST(url, plain_http_only_where_allowed) {
  auto plain = *parse_url("http://reg.example:5000/");
  EXPECT_FALSE(may_connect(plain, false, {}));
  EXPECT_TRUE(may_connect(plain, true, {}));
  EXPECT_TRUE(may_connect(plain, false, {"Reg.Example:5000"}));
  EXPECT_TRUE(may_connect(plain, false, {"reg.example"}));
  EXPECT_FALSE(may_connect(plain, false, {"reg.example:80", "eg.example", ""}));
  EXPECT_TRUE(may_connect(*parse_url("https://reg.example/"), false, {}));
  EXPECT_TRUE(may_connect(*parse_url("http://127.0.0.1:5/"), false, {}));
}

}  // namespace gkm::net
