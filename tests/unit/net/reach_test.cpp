// Where a request may go that strangers have a say in.
#include "net/address.hpp"
#include "tests/support/registry/fault_server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace gkm::net {
namespace {

using support::fault_server;
using support::reply;
using support::seen_request;

constexpr size_t plenty = 1 << 20;

bool is_local(const std::string& text) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1)
    return is_local_address(reinterpret_cast<const sockaddr&>(v4));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
  return is_local_address(reinterpret_cast<const sockaddr&>(v6));
}

engine_options guarded() {
  engine_options options;
  options.local_addresses = false;
  return options;
}

result<response> get(engine& http, const std::string& url) {
  request r;
  r.url = url;
  return http.fetch(r, plenty);
}

}  // namespace

TEST(reach, knows_local_addresses) {
  for (const char* local :
       {"127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe", "fd00:ec2::254"})
    EXPECT_TRUE(is_local(local)) << local;
  for (const char* other : {"10.96.0.1", "192.168.1.1", "8.8.8.8", "172.17.0.1", "2001:db8::1",
                            "fd12:3456::1", "::ffff:8.8.8.8", "128.0.0.1", "169.253.1.1"})
    EXPECT_FALSE(is_local(other)) << other;
}

TEST(reach, refuses_local_hosts_before_any_connection) {
  engine http(guarded());
  for (const char* host :
       {"127.0.0.1", "127.1", "0x7f000001", "2130706433", "localhost", "LOCALHOST.", "x.localhost",
        "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"}) {
    auto got = get(http, std::string("https://") + host + ":1/");
    ASSERT_FALSE(got) << host;
    EXPECT_EQ(got.error().code, errc::refused) << host << ": " << got.error().message;
  }
}

TEST(reach, looks_at_the_address_and_not_only_at_the_name) {
  fault_server server([](const seen_request&) { return reply{200, "in"}; });
  engine_options options = guarded();
  options.plain_http_anywhere = true;
  engine http(options);
  // A proxy's address is the one that can be chosen here without a name server.
  request r;
  r.url = "http://registry.example:" + std::to_string(server.port()) + "/";
  r.proxy = "http://127.0.0.1:" + std::to_string(server.port());
  auto got = http.fetch(r, plenty);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::refused) << got.error().message;
  EXPECT_EQ(server.connections(), 0U);
}

TEST(reach, allows_listed_hosts_and_everybody_by_default) {
  fault_server server([](const seen_request&) { return reply{200, "in"}; });
  auto options = guarded();
  options.local_hosts = {server.authority()};
  engine listed(options);
  EXPECT_TRUE(get(listed, server.url()));
  engine open;
  EXPECT_TRUE(get(open, server.url()));
  options.local_hosts = {"127.0.0.1:1"};
  engine other(options);
  EXPECT_EQ(get(other, server.url()).error().code, errc::refused);
}

TEST(reach, reads_ranges_of_addresses) {
  EXPECT_EQ(parse_address_range("10.0.0.0/8")->bits, 96U + 8);
  EXPECT_EQ(parse_address_range("192.168.7.9")->bits, 128U);
  EXPECT_EQ(parse_address_range("fd00::/8")->bits, 8U);
  EXPECT_EQ(parse_address_range("0.0.0.0/0")->bits, 96U);
  for (const char* bad : {"", "/8", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10/8", "x",
                          "10.0.0.0/8 ", "10.0.0.0/-1"})
    EXPECT_EQ(parse_address_range(bad).error().code, errc::invalid_argument) << bad;
}

bool is_denied(const std::string& text, const engine_options& options) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1)
    return is_denied_address(reinterpret_cast<const sockaddr&>(v6), options);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  EXPECT_EQ(::inet_pton(AF_INET, text.c_str(), &v4.sin_addr), 1) << text;
  return is_denied_address(reinterpret_cast<const sockaddr&>(v4), options);
}

TEST(reach, denies_further_addresses_where_asked_in_whatever_form_they_come) {
  engine_options options;
  for (const char* range : {"10.0.0.0/8", "192.168.7.8/29", "fd00::/9"})
    options.denied_addresses.push_back(*parse_address_range(range));
  for (const char* denied :
       {"10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "192.168.7.9", "fd00::1", "fd7f::1"})
    EXPECT_TRUE(is_denied(denied, options)) << denied;
  for (const char* other : {"11.0.0.1", "192.168.7.16", "fd80::1", "2001:db8::1", "127.0.0.1"})
    EXPECT_FALSE(is_denied(other, options)) << other;
  options.local_addresses = false;
  EXPECT_TRUE(is_denied("127.0.0.1", options));
}

TEST(reach, makes_no_connection_to_a_denied_address_unless_the_host_is_listed) {
  fault_server server([](const seen_request&) { return reply{200, "in"}; });
  engine_options options;
  options.denied_addresses = {*parse_address_range("127.0.0.0/8")};
  engine http(options);
  EXPECT_EQ(get(http, server.url()).error().code, errc::refused);
  EXPECT_EQ(server.connections(), 0U);
  options.local_hosts = {server.authority()};
  engine listed(options);
  EXPECT_TRUE(get(listed, server.url()));
}

TEST(reach, follows_no_redirect_to_a_local_host) {
  fault_server inner([](const seen_request&) { return reply{200, "secret"}; });
  fault_server outer([&](const seen_request&) { return reply::redirect(302, inner.url("/x")); });
  auto options = guarded();
  options.local_hosts = {outer.authority()};
  engine http(options);
  auto got = get(http, outer.url());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::refused);
  EXPECT_TRUE(inner.requests().empty());
}

}  // namespace gkm::net
