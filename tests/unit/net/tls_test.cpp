#include "net/http.hpp"
#include "tests/support/registry/certificates.hpp"
#include "tests/support/registry/fault_server.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace gkm::net {
namespace {

using support::fault_server;
using support::reply;
using support::seen_request;

constexpr size_t plenty = 1 << 20;

class tls : public ::testing::Test {
protected:
  tls() {
    std::string pattern = (std::filesystem::temp_directory_path() / "gkm-tls-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    ca_ = std::make_unique<support::test_ca>(folder_, "ca");
    here_ = ca_->issue("here", "IP:127.0.0.1");
  }
  ~tls() override { std::filesystem::remove_all(folder_); }

  fault_server serve(support::handler h, const std::string& client_ca = "") {
    return fault_server(std::move(h), support::server_tls{here_.certificate, here_.key, client_ca});
  }
  fault_server serve_ok() {
    return serve([](const seen_request&) { return reply{200, "secret"}; });
  }
  request trusting(std::string url) const {
    request r;
    r.url = std::move(url);
    r.tls.ca_file = ca_->certificate_file();
    return r;
  }

  std::filesystem::path folder_;
  std::unique_ptr<support::test_ca> ca_;
  support::pem_files here_;
};

std::string contents(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool says(const error& e, const std::string& words) {
  return e.message.find(words) != std::string::npos;
}

}  // namespace

TEST_F(tls, trusts_the_ca_it_is_given_and_offers_http2) {
  auto server = serve_ok();
  engine http;
  auto got = http.fetch(trusting(server.url()), plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "secret");
  EXPECT_EQ(server.offered_protocols(), (std::vector<std::string>{"h2", "http/1.1"}));
}

TEST_F(tls, trusts_nobody_else) {
  auto server = serve_ok();
  engine http;
  request r;
  r.url = server.url("/?q=s3cret");
  auto got = http.fetch(r, plenty);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unauthorized);
  EXPECT_TRUE(says(got.error(), "TLS certificate of '" + server.url("") + "' is not trusted: "))
      << got.error().message;
  EXPECT_FALSE(says(got.error(), "s3cret"));
  support::test_ca other(folder_, "other");
  r.tls.ca_file = other.certificate_file();
  EXPECT_EQ(http.fetch(r, plenty).error().code, errc::unauthorized);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(tls, a_trusted_connection_is_not_lent_to_those_who_do_not_trust_it) {
  auto server = serve_ok();
  engine http;
  ASSERT_TRUE(http.fetch(trusting(server.url()), plenty));
  request r;
  r.url = server.url();
  EXPECT_EQ(http.fetch(r, plenty).error().code, errc::unauthorized);
  r.tls.skip_verify = true;
  EXPECT_TRUE(http.fetch(r, plenty));
  r.tls.skip_verify = false;
  EXPECT_EQ(http.fetch(r, plenty).error().code, errc::unauthorized);
}

TEST_F(tls, the_name_must_match) {
  auto server = serve_ok();
  engine http;
  auto url = server.url();
  url.replace(url.find("127.0.0.1"), 9, "localhost");
  auto got = http.fetch(trusting(url), plenty);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unauthorized) << got.error().message;
}

TEST_F(tls, reuses_its_connection) {
  auto server = serve_ok();
  engine http;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(http.fetch(trusting(server.url()), plenty));
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(tls, a_large_body_comes_whole) {
  auto server = serve([](const seen_request&) {
    return reply{200, std::string(1 << 20, 'x'), {}, 32};
  });
  engine http;
  auto stream = http.open(trusting(server.url()));
  ASSERT_TRUE(stream) << stream.error().message;
  uint64_t total = 0;
  for (auto c = (*stream)->next(); c && !c->empty(); c = (*stream)->next()) total += c->size();
  EXPECT_EQ(total, uint64_t{32} << 20);
}

TEST_F(tls, shows_its_own_certificate_when_asked) {
  auto mine = ca_->issue("client", "DNS:client");
  auto server = serve(
      [](const seen_request&) {
        return reply{200, "hello client"};
      },
      ca_->certificate_file());
  engine http;
  auto r = trusting(server.url());
  auto refused = http.fetch(r, plenty);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unauthorized) << refused.error().message;
  r.tls.client_cert_file = mine.certificate;
  r.tls.client_key_file = mine.key;
  auto got = http.fetch(r, plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "hello client");
}

TEST_F(tls, broken_local_files_are_the_users_to_mend) {
  auto server = serve_ok();
  engine http;
  auto junk = (folder_ / "junk").string();
  std::ofstream(junk) << "not a certificate";
  for (const auto& bad : {junk, (folder_ / "absent").string()}) {
    auto r = trusting(server.url());
    r.tls.ca_file = bad;
    auto got = http.fetch(r, plenty);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, errc::invalid_argument) << got.error().message;
    EXPECT_TRUE(says(got.error(), "'" + bad + "'")) << got.error().message;
    r = trusting(server.url());
    r.tls.client_cert_file = bad;
    got = http.fetch(r, plenty);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, errc::invalid_argument) << got.error().message;
    EXPECT_TRUE(says(got.error(), "'" + bad + "'")) << got.error().message;
  }
}

TEST_F(tls, redirect_to_plain_http_is_refused_even_to_loopback) {
  fault_server plain([](const seen_request&) { return reply{200, "downgraded"}; });
  auto server = serve([&](const seen_request&) { return reply::redirect(302, plain.url()); });
  engine http({.plain_http_anywhere = true});
  auto got = http.fetch(trusting(server.url()), plenty);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::refused);
  EXPECT_TRUE(plain.requests().empty());
}

TEST_F(tls, what_was_agreed_for_one_host_ends_there) {
  auto away = serve([](const seen_request&) { return reply{200, "away"}; });
  auto away_url = away.url();
  away_url.replace(away_url.find("127.0.0.1"), 9, "localhost");
  auto server = serve([&](const seen_request&) { return reply::redirect(302, away_url); });
  engine http;
  request r;
  r.url = server.url();
  r.tls.skip_verify = true;
  auto got = http.fetch(r, plenty);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unauthorized) << got.error().message;
  EXPECT_TRUE(says(got.error(), "https://localhost:")) << got.error().message;
}

TEST_F(tls, plain_http_behind_an_https_url) {
  fault_server plain([](const seen_request&) { return reply{200, "x"}; });
  engine http;
  auto got = http.fetch(trusting("https://" + plain.authority() + "/"), plenty);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable) << got.error().message;
}

TEST_F(tls, trust_and_identity_from_memory) {
  auto mine = ca_->issue("mine", "DNS:mine");
  auto server = serve(
      [](const seen_request&) {
        return reply{200, "secret"};
      },
      ca_->certificate_file());
  request r;
  r.url = server.url();
  r.tls.ca_pem = contents(ca_->certificate_file());
  engine http;
  EXPECT_EQ(http.fetch(r, plenty).error().code, errc::unauthorized);
  r.tls.client_cert_pem = contents(mine.certificate);
  r.tls.client_key_pem = contents(mine.key);
  auto got = http.fetch(r, plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "secret");
  support::test_ca other(folder_, "other");
  r.tls.ca_pem = contents(other.certificate_file());
  EXPECT_EQ(http.fetch(r, plenty).error().code, errc::unauthorized);
  r.tls.ca_pem = "no PEM";
  EXPECT_EQ(http.fetch(r, plenty).error().code, errc::invalid_argument);
}

TEST_F(tls, the_name_to_prove_may_be_another_than_the_urls) {
  here_ = ca_->issue("elsewhere", "DNS:api.example");
  auto server = serve_ok();
  engine http;
  auto r = trusting(server.url("/path?q"));
  EXPECT_EQ(http.fetch(r, plenty).error().code, errc::unauthorized);
  r.tls.server_name = "api.example";
  auto got = http.fetch(r, plenty);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(server.requests().at(0).target, "/path?q");
}

}  // namespace gkm::net
