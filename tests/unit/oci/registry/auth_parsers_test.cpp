#include "base/base64.hpp"
#include "oci/registry/challenge.hpp"
#include "oci/registry/endpoint.hpp"
#include "oci/registry/registry_blob.hpp"
#include "oci/registry/token_request.hpp"

#include <gtest/gtest.h>

namespace gkm::oci {
namespace {

TEST(challenge, reads_what_registries_send) {
  auto got = parse_challenges(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",)"
      R"(scope="repository:library/x:pull,push")");
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].scheme, "bearer");
  EXPECT_EQ(got[0].params["realm"], "https://auth.docker.io/token");
  EXPECT_EQ(got[0].params["service"], "registry.docker.io");
  EXPECT_EQ(got[0].params["scope"], "repository:library/x:pull,push");
}

TEST(challenge, reads_several_in_one_header) {
  auto got = parse_challenges(
      R"(Negotiate YII+/=, , Basic Realm = "a \"quoted\", b" , BEARER realm=https://x/t , scope="s",NTLM)");
  ASSERT_EQ(got.size(), 4U);
  EXPECT_EQ(got[0].scheme, "negotiate");
  EXPECT_TRUE(got[0].params.empty());
  EXPECT_EQ(got[1].scheme, "basic");
  EXPECT_EQ(got[1].params["realm"], R"(a "quoted", b)");
  EXPECT_EQ(got[2].scheme, "bearer");
  EXPECT_EQ(got[2].params["realm"], "https://x/t");
  EXPECT_EQ(got[2].params["scope"], "s");
  EXPECT_EQ(got[3].scheme, "ntlm");
}

TEST(challenge, survives_rubbish) {
  EXPECT_TRUE(parse_challenges("").empty());
  EXPECT_TRUE(parse_challenges(" ,, ,").empty());
  EXPECT_TRUE(parse_challenges("\"").empty());
  EXPECT_EQ(parse_challenges("Basic").size(), 1U);
  EXPECT_TRUE(parse_challenges("Bearer realm=\"never closed")[0].params.empty());
  EXPECT_TRUE(parse_challenges(std::string(1 << 20, ',')).empty());
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "a b=c, ";
  EXPECT_EQ(parse_challenges(many).size(), 16U);
  std::string params = "Bearer ";
  for (int i = 0; i < 1000; ++i) params += "p" + std::to_string(i) + "=x,";
  for (const auto& c : parse_challenges(params)) EXPECT_LE(c.params.size(), 32U);
  for (int c = 0; c < 256; ++c) parse_challenges(std::string(64, static_cast<char>(c)));
}

TEST(base64, goes_both_ways) {
  for (std::string text : {"", "a", "ab", "abc", "user:pässword"})
    EXPECT_EQ(base::from_base64(base::to_base64(text)), text);
  for (std::string bad :
       {"a", "ab", "abc", "a===", "====", "ab=c", "a b=", " abcd", "abcd\n", "ab-_"})
    EXPECT_FALSE(base::from_base64(bad)) << bad;
}

TEST(token_request, asks_by_get_with_basic) {
  auto got = make_token_request("https://auth/t", "my registry", "repository:a/b:pull",
                                credential{"u", "p", ""});
  EXPECT_EQ(got.method, "GET");
  EXPECT_EQ(got.url, "https://auth/t?service=my%20registry&scope=repository%3Aa%2Fb%3Apull");
  EXPECT_EQ(got.authorization, "Basic " + base::to_base64("u:p"));
  auto anonymous = make_token_request("https://auth/t?x=y", "", "s", {});
  EXPECT_EQ(anonymous.url, "https://auth/t?x=y&scope=s");
  EXPECT_EQ(anonymous.authorization, "");
}

TEST(token_request, posts_identity_tokens) {
  auto got = make_token_request("https://auth/t", "s", "c", credential{"", "", "a&b"});
  EXPECT_EQ(got.method, "POST");
  EXPECT_EQ(got.url, "https://auth/t");
  EXPECT_EQ(got.authorization, "");
  EXPECT_EQ(got.body,
            "grant_type=refresh_token&client_id=gkm&service=s&scope=c&refresh_token=a%26b");
}

TEST(token_answer, reads_both_names_and_bounds_the_lifetime) {
  EXPECT_EQ(parse_token_answer(R"({"token":"t"})")->token, "t");
  EXPECT_EQ(parse_token_answer(R"({"access_token":"t","expires_in":300})")->lifetime.count(), 300);
  EXPECT_EQ(parse_token_answer(R"({"token":"t"})")->lifetime.count(), 60);
  EXPECT_EQ(parse_token_answer(R"({"token":"t","expires_in":-5})")->lifetime.count(), 60);
  EXPECT_EQ(parse_token_answer(R"({"token":"t","expires_in":18446744073709551615})")->lifetime,
            std::chrono::hours(24));
  for (std::string bad : {"", "x", "{}", R"({"token":""})", R"({"token":1})", R"({"token":"a b"})",
                          R"({"token":"a\r\nX-Evil: 1"})"})
    EXPECT_FALSE(parse_token_answer(bad)) << bad;
}

TEST(content_range, is_read_strictly) {
  auto got = parse_content_range("bytes 5-9/10");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->first, 5U);
  EXPECT_EQ(got->total, 10U);
  EXPECT_EQ(parse_content_range("bytes 5-9/*")->total, 0U);
  for (std::string bad : {"", "bytes", "bytes 5", "bytes 5-", "bytes 5-4/10", "bytes 5-9/9",
                          "bytes 5-9", "bytes */10", "items 5-9/10", "bytes -5-9/10",
                          "bytes 5-9/10x", "bytes 99999999999999999999-9/10"})
    EXPECT_FALSE(parse_content_range(bad)) << bad;
}

using strings = std::vector<std::string>;

TEST(endpoints, are_https_but_for_loopback_and_listed_hosts) {
  registry_options options;
  options.plain_http_hosts = {"registry.local", "other.local:5000"};
  endpoints plain(options);
  EXPECT_EQ(plain.candidates("quay.io"), strings{"https://quay.io"});
  EXPECT_EQ(plain.candidates("docker.io"), strings{"https://registry-1.docker.io"});
  EXPECT_EQ(plain.candidates("127.0.0.1.evil.com"), strings{"https://127.0.0.1.evil.com"});
  EXPECT_EQ(plain.candidates("other.local"), strings{"https://other.local"});
  for (std::string host : {"localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9",
                           "[::1]:5000", "registry.local:1", "other.local:5000"})
    EXPECT_EQ(plain.candidates(host), (strings{"http://" + host, "https://" + host})) << host;
  EXPECT_EQ(plain.candidates("localhost:443").front(), "https://localhost:443");
  options.ca_file = "/ca.pem";
  EXPECT_EQ(endpoints(options).candidates("localhost:5000"),
            (strings{"https://localhost:5000", "http://localhost:5000"}));
  plain.settle("localhost:5000", "https://localhost:5000");
  EXPECT_EQ(plain.candidates("localhost:5000"), strings{"https://localhost:5000"});
}

TEST(endpoints, compare_origins) {
  EXPECT_EQ(origin_of("https://Quay.io:443/v2/x?y"), "https://quay.io");
  EXPECT_EQ(origin_of("http://quay.io:80"), "http://quay.io");
  EXPECT_EQ(origin_of("http://quay.io:443/"), "http://quay.io:443");
  EXPECT_EQ(origin_of("https://[::1]:5000/x"), "https://[::1]:5000");
  EXPECT_NE(origin_of("https://quay.io.evil.com/"), origin_of("https://quay.io"));
  EXPECT_EQ(origin_of("nonsense"), "");
}

}  // namespace
}  // namespace gkm::oci
