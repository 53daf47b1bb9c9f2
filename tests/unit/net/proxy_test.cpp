#include "net/proxy.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace gkm::net {
namespace {

struct exemption {
  const char* no_proxy;
  const char* url;
  bool exempt;
};

// The second column of Go's own table, golang.org/x/net/http/httpproxy, and what users write.
constexpr exemption exemptions[] = {
    {"", "https://example.com/", false},
    {"*", "https://example.com/", true},
    {" * ", "https://example.com/", true},
    {"example.com", "https://example.com/", true},
    {"example.com", "https://a.b.example.com/", true},
    {"example.com", "https://myexample.com/", false},
    {"example.com", "https://example.com.evil.test/", false},
    {"EXAMPLE.com", "https://Example.COM/", true},
    {".example.com", "https://a.example.com/", true},
    {".example.com", "https://example.com/", false},
    {"*.corp.test", "https://registry.corp.test/", true},
    {"*.corp.test", "https://a.b.corp.test/", true},
    {"*.corp.test", "https://corp.test/", false},
    {"*.corp.test:5000", "https://a.corp.test:5000/", true},
    {"*.corp.test:5000", "https://a.corp.test/", false},
    {"registry.test:443", "https://registry.test/", true},
    {"registry.test:443", "https://registry.test:5000/", false},
    {"registry.test:80", "http://registry.test/", true},
    {"10.0.0.0/8", "https://10.11.12.13/", true},
    {"10.0.0.0/8", "https://11.11.12.13/", false},
    {"10.0.0.0/33", "https://10.11.12.13/", false},
    {"10.1.2.3", "https://10.1.2.3:5000/", true},
    {"10.1.2.3:5000", "https://10.1.2.3:5000/", true},
    {"10.1.2.3:5000", "https://10.1.2.3/", false},
    {"2.3", "https://10.1.2.3/", false},
    {"fd00::/8", "https://[fd12::1]/", true},
    {"[fd00::1]:443", "https://[fd00::1]/", true},
    {"fd00::1", "https://[fd00::1]:5000/", true},
    {"fd00::1", "https://[fd00::2]/", false},
    {"a.test, ,b.test ,c.test", "https://b.test/", true},
    {"a.test,b.test,", "https://c.test/", false},
    {":443,,", "https://c.test/", false},
    {"", "https://localhost/", true},
    {"", "http://127.0.0.1:5000/", true},
    {"", "http://[::1]:5000/", true},
};

class environment {
public:
  explicit environment(std::initializer_list<std::pair<const char*, const char*>> values) {
    for (auto name : names) ::unsetenv(name);
    for (auto [name, value] : values) ::setenv(name, value, 1);
  }
  ~environment() {
    for (auto name : names) ::unsetenv(name);
  }

private:
  static constexpr const char* names[] = {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy",
                                          "ALL_PROXY",   "all_proxy",   "NO_PROXY",   "no_proxy"};
};

TEST(no_proxy, is_read_by_the_rules_of_go) {
  for (const auto& e : exemptions)
    EXPECT_EQ(is_exempt(*parse_url(e.url), e.no_proxy), e.exempt) << e.no_proxy << " " << e.url;
}

TEST(environment_proxy, goes_by_the_scheme) {
  environment set{{"HTTPS_PROXY", "http://one:1"}, {"http_proxy", "http://two:2"}};
  EXPECT_EQ(environment_proxy(*parse_url("https://a.test/")), "http://one:1");
  EXPECT_EQ(environment_proxy(*parse_url("http://a.test/")), "http://two:2");
}

TEST(environment_proxy, takes_upper_case_first_and_the_one_for_all_last) {
  environment set{{"HTTP_PROXY", "http://upper:1"},
                  {"http_proxy", "http://lower:2"},
                  {"all_proxy", "socks5://all:3"}};
  EXPECT_EQ(environment_proxy(*parse_url("http://a.test/")), "http://upper:1");
  EXPECT_EQ(environment_proxy(*parse_url("https://a.test/")), "socks5://all:3");
}

TEST(environment_proxy, heeds_no_proxy_of_either_case) {
  for (const char* name : {"NO_PROXY", "no_proxy"}) {
    environment set{{"HTTPS_PROXY", "http://one:1"}, {name, "*.corp.test"}};
    EXPECT_EQ(environment_proxy(*parse_url("https://registry.corp.test/")), "");
    EXPECT_EQ(environment_proxy(*parse_url("https://quay.io/")), "http://one:1");
  }
}

}  // namespace
}  // namespace gkm::net
