// Over real TLS: with the project's own HTTP engine, as an API server would, and with bare sockets,
// as nobody should.
#include "actors/operator/tls/webhook_server.hpp"

#include "actors/operator/tls/openssl_handles.hpp"
#include "actors/operator/tls/rotation.hpp"
#include "base/files.hpp"
#include "net/http.hpp"
#include "tests/support/gate.hpp"
#include "tests/support/registry/certificates.hpp"
#include "tests/support/temp_dir.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <atomic>
#include <ctime>
#include <thread>

namespace gkm::op {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

certificate_state new_certificates() {
  rotation_rules rules;
  rules.names = {"127.0.0.1"};
  return plan_rotation({}, rules, std::time(nullptr))->wanted.value();
}

serving_identity identity_of(const certificate_state& s) {
  return {s.serving.cert_pem, s.serving.key_pem, s.authorities};
}

/// A TLS client that checks nothing and says anything.
class bare_client {
public:
  explicit bare_client(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  void start_tls() {
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket_.get());
    EXPECT_EQ(SSL_connect(ssl_.get()), 1);
  }
  void send_raw(const std::string& bytes) const {
    ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  bool send(const std::string& bytes) {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
  }
  std::string read_to_end() {
    std::string all;
    std::array<char, 4096> part{};
    for (int n = 0; (n = SSL_read(ssl_.get(), part.data(), part.size())) > 0;)
      all.append(part.data(), static_cast<size_t>(n));
    return all;
  }
  /// What comes at once: one answer is one record.
  std::string read_some() {
    std::array<char, 4096> part{};
    int n = SSL_read(ssl_.get(), part.data(), part.size());
    return n > 0 ? std::string(part.data(), static_cast<size_t>(n)) : "";
  }
  bool closes_raw() const {
    char byte = 0;
    while (::recv(socket_.get(), &byte, 1, 0) > 0) {
    }
    return true;
  }

private:
  base::fd socket_;
  std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>> context_{SSL_CTX_new(TLS_client_method())};
  ssl_ptr ssl_;
};

class webhook_server_test : public testing::Test {
protected:
  void start(webhook_server_options options = {}) {
    options.address = "127.0.0.1:0";
    webhook echo = [](const std::string& body, const webhook_call& call) -> result<std::string> {
      if (body == "bad") return fail(errc::malformed, "no\nreview");
      return body + " in " + std::to_string(call.limit.count());
    };
    webhook who = [](const std::string&, const webhook_call& call) -> result<std::string> {
      return std::string(call.proven ? "an API server" : "anybody");
    };
    webhook wait = [this](const std::string&, const webhook_call&) -> result<std::string> {
      ++waiting_;
      gate_.wait();
      return std::string("waited");
    };
    auto made =
        webhook_server::start(options, {{"/mutate/caches", echo}, {"/who", who}, {"/wait", wait}});
    ASSERT_TRUE(made) << made.error().message;
    server_ = std::move(*made);
    ASSERT_TRUE(server_->use(identity_of(certificates_)));
  }

  result<net::response> post(const std::string& body, const std::string& authorities,
                             const std::string& target = "/mutate/caches?timeout=7s") {
    net::request r;
    r.method = "POST";
    r.url = "https://127.0.0.1:" + std::to_string(server_->port()) + target;
    r.body = body;
    r.content_type = "application/json";
    r.tls.ca_pem = authorities;
    return http_.fetch(r, size_t{32} << 20);
  }
  result<net::response> post(const std::string& body) {
    return post(body, certificates_.authorities);
  }

  std::string say(const std::string& bytes) {
    bare_client c(server_->port());
    c.start_tls();
    c.send(bytes);
    return c.read_to_end();
  }

  /// As a client with this certificate.
  result<net::response> ask_who(const support::pem_files& mine) {
    net::engine fresh;
    net::request r;
    r.method = "POST";
    r.url = "https://127.0.0.1:" + std::to_string(server_->port()) + "/who";
    r.body = "x";
    r.content_type = "application/json";
    r.tls.ca_pem = certificates_.authorities;
    r.tls.client_cert_file = mine.certificate;
    r.tls.client_key_file = mine.key;
    return fresh.fetch(r, 1'000);
  }

  static std::string closing_request() {
    auto text = whole_request();
    return text.insert(text.find("\r\n") + 2, "Connection: close\r\n");
  }
  static std::string whole_request(const std::string& path = "/mutate/caches") {
    return "POST " + path +
           " HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\nx";
  }

  certificate_state certificates_ = new_certificates();
  std::atomic<size_t> waiting_ = 0;
  support::gate gate_;
  net::engine http_;
  std::unique_ptr<webhook_server> server_;
};

TEST_F(webhook_server_test, answers_over_tls_with_the_time_that_the_asker_gives) {
  start();
  auto got = post("hello");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->head.status, 200);
  EXPECT_EQ(got->body, "hello in 7000");
  EXPECT_EQ(got->head.header("content-type"), "application/json");
  EXPECT_EQ(post("x", certificates_.authorities, "/mutate/caches?timeout=999h")->body,
            "x in 10000");
  EXPECT_EQ(post("x", certificates_.authorities, "/mutate/caches")->body, "x in 10000");
}

TEST_F(webhook_server_test, is_trusted_by_its_own_authority_alone) {
  start();
  EXPECT_EQ(post("x", new_certificates().authorities).error().code, errc::unauthorized);
}

TEST_F(webhook_server_test, takes_large_bodies_up_to_its_limit) {
  webhook_server_options options;
  options.max_body_bytes = 1 << 20;
  start(options);
  EXPECT_EQ(post(std::string(1 << 20, 'x'))->body.size(), (1U << 20) + 8);
  auto too_large =
      say("POST /mutate/caches HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: "
          "1048577\r\n\r\n");
  EXPECT_THAT(too_large, HasSubstr(" 413 "));
}

TEST_F(webhook_server_test, says_what_is_wrong_with_a_review) {
  start();
  auto got = post("bad");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->head.status, 400);
  EXPECT_EQ(got->body, "no?review\n");
  EXPECT_EQ(post("x", certificates_.authorities, "/other")->head.status, 404);
}

TEST_F(webhook_server_test, refuses_what_could_grow_without_limit) {
  start();
  const std::string head = "POST /mutate/caches HTTP/1.1\r\nContent-Type: application/json\r\n";
  for (const auto& [request, status] : std::vector<std::pair<std::string, std::string>>{
           {"GET /mutate/caches HTTP/1.1\r\n\r\n", " 405 "},
           {head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", " 411 "},
           {head + "\r\n", " 411 "},
           {head + "Content-Length: 5\r\nContent-Encoding: gzip\r\n\r\nhello", " 415 "},
           {"POST /mutate/caches HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            "Content-Length: 5\r\n\r\nhello",
            " 415 "}})
    EXPECT_THAT(say(request), HasSubstr(status)) << request;
  EXPECT_TRUE(post("still there"));
}

TEST_F(webhook_server_test, outlives_garbage) {
  start();
  for (const auto& bytes : {std::string("\r\n\r\n"), std::string(20'000, 'A') + "\r\n\r\n",
                            std::string("POST / HTTP/9.9\r\n\r\n"), std::string(64, '\0') + "\r\n",
                            "POST /mutate/caches HTTP/1.1\r\nContent-Length: -1\r\nContent-Type: "
                            "application/json\r\n\r\n" +
                                std::string(3, 'x'),
                            "POST /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n"})
    say(bytes + "\r\n\r\n");
  bare_client no_tls(server_->port());
  no_tls.send_raw("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(no_tls.closes_raw());
  EXPECT_TRUE(post("still there"));
}

TEST_F(webhook_server_test, closes_who_is_too_slow) {
  webhook_server_options options;
  options.handshake = milliseconds(100);
  options.first_request = milliseconds(100);
  options.request = milliseconds(100);
  options.idle = milliseconds(100);
  start(options);
  bare_client never_shakes_hands(server_->port());
  EXPECT_TRUE(never_shakes_hands.closes_raw());
  EXPECT_EQ(say(""), "") << "idle";
  say("POST /mutate/caches HTTP/1.1\r\nContent-Ty");
  say("POST /mutate/caches HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: "
      "9\r\n\r\nx");
  EXPECT_TRUE(post("still there"));
}

TEST_F(webhook_server_test, serves_on_while_idle_ones_hold_half_of_its_places) {
  webhook_server_options options;
  options.connections = {8, 8, std::chrono::hours(1)};
  start(options);
  std::vector<std::unique_ptr<bare_client>> idle;
  for (int i = 0; i < 5; ++i) {
    idle.push_back(std::make_unique<bare_client>(server_->port()));
    idle.back()->start_tls();
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(post("x"));
}

TEST_F(webhook_server_test, a_first_request_is_due_sooner_than_a_further_one) {
  webhook_server_options options;
  options.first_request = milliseconds(50);
  options.idle = std::chrono::hours(1);
  start(options);
  EXPECT_EQ(say(""), "");
  bare_client known(server_->port());
  known.start_tls();
  known.send(whole_request());
  EXPECT_THAT(known.read_some(), HasSubstr(" 200 "));
  EXPECT_EQ(say(""), "") << "time passes";
  known.send(whole_request());
  EXPECT_THAT(known.read_some(), HasSubstr(" 200 "));
}

TEST_F(webhook_server_test, answers_newcomers_however_many_hold_connections_open) {
  webhook_server_options options;
  options.connections = {16, 12, std::chrono::hours(1)};
  options.handshake = options.first_request = options.request = std::chrono::hours(1);
  start(options);
  std::vector<std::unique_ptr<bare_client>> idle;
  auto hold = [&](const std::string& bytes) {
    idle.push_back(std::make_unique<bare_client>(server_->port()));
    if (bytes == "nothing") return;
    idle.back()->start_tls();
    if (!bytes.empty()) idle.back()->send(bytes);
  };
  for (int i = 0; i < 20; ++i) {
    hold("nothing");
    hold("");
    hold("POST /mutate/caches HTTP/1.1\r\nContent-Ty");
    EXPECT_TRUE(post("x"));
  }
  EXPECT_TRUE(server_->can_answer());
}

TEST_F(webhook_server_test, keeps_who_asked_before_who_did_not) {
  webhook_server_options options;
  options.connections = {8, 8, std::chrono::hours(1)};
  options.handshake = options.first_request = std::chrono::hours(1);
  start(options);
  bare_client known(server_->port());
  known.start_tls();
  known.send(whole_request());
  EXPECT_THAT(known.read_some(), HasSubstr(" 200 "));
  std::vector<std::unique_ptr<bare_client>> strangers;
  for (int i = 0; i < 50; ++i) strangers.push_back(std::make_unique<bare_client>(server_->port()));
  EXPECT_TRUE(strangers.front()->closes_raw());
  known.send(whole_request());
  EXPECT_THAT(known.read_some(), HasSubstr(" 200 "));
}

TEST_F(webhook_server_test, lets_more_callers_of_one_peer_than_it_has_places_wait_for_one) {
  webhook_server_options options;
  options.connections = {4, 3, std::chrono::hours(1), std::chrono::hours(1)};
  options.place = std::chrono::hours(1);
  start(options);
  std::atomic<int> failures = 0;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 16; ++i)
    callers.emplace_back([&] {
      for (int n = 0; n < 5; ++n)
        failures += say(closing_request()).find(" 200 ") == std::string::npos;
    });
  callers.clear();
  EXPECT_EQ(failures, 0);
}

TEST_F(webhook_server_test, is_not_ready_while_nobody_would_find_a_place) {
  webhook_server_options options;
  options.connections = {2, 2, milliseconds(0)};
  options.place = milliseconds(10);
  options.stuck = milliseconds(0);
  start(options);
  EXPECT_TRUE(server_->can_answer());
  std::vector<std::unique_ptr<bare_client>> busy;
  for (int i = 0; i < 2; ++i) {
    busy.push_back(std::make_unique<bare_client>(server_->port()));
    busy.back()->start_tls();
    busy.back()->send(whole_request("/wait"));
  }
  while (waiting_ < 2) std::this_thread::yield();
  EXPECT_FALSE(server_->can_answer());
  bare_client late(server_->port());
  EXPECT_TRUE(late.closes_raw()) << "it waited for its time";
  gate_.open();
  for (auto& one : busy) EXPECT_THAT(one->read_some(), HasSubstr("waited"));
  EXPECT_TRUE(server_->can_answer());
}

TEST_F(webhook_server_test, has_few_places_for_large_bodies) {
  webhook_server_options options;
  options.small_body_bytes = 100;
  options.large_bodies = 1;
  start(options);
  bare_client holder(server_->port());
  holder.start_tls();
  holder.send(
      "POST /mutate/caches HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 200\r\n"
      "\r\nx");
  const auto large = std::string(150, 'x');
  auto is_taken = [&](const std::string& body) {
    auto got = post(body);
    return got && got->head.status == 200;
  };
  // The holder's head arrives when it does.
  for (int i = 0; i < 10'000 && is_taken(large); ++i) std::this_thread::yield();
  EXPECT_FALSE(is_taken(large));
  EXPECT_TRUE(is_taken("small"));
  holder.send(std::string(199, 'x'));
  EXPECT_THAT(holder.read_some(), HasSubstr(" 200 "));
  EXPECT_TRUE(is_taken(large));
}

class webhook_clients_test : public webhook_server_test {
protected:
  void start_asking(const std::string& name = "") {
    webhook_server_options options;
    options.clients = {read_whole(ca_.certificate_file()), name};
    start(options);
  }
  static std::string read_whole(const std::string& file) {
    return base::read_file(file, 1 << 20).value();
  }

  support::temp_dir folder_;
  support::test_ca ca_{folder_.path(), "clients"};
};

TEST_F(webhook_clients_test, knows_api_servers_by_their_certificates) {
  start_asking();
  auto mine = ca_.issue("api-server", "DNS:x");
  EXPECT_EQ(ask_who(mine)->body, "an API server");
  EXPECT_EQ(post("x", certificates_.authorities, "/who")->body, "anybody");
  support::test_ca other(folder_.path(), "other");
  EXPECT_FALSE(ask_who(other.issue("api-server", "DNS:x")));
}

TEST_F(webhook_clients_test, may_want_a_certain_name) {
  start_asking("api-server");
  EXPECT_EQ(ask_who(ca_.issue("api-server", "DNS:x"))->body, "an API server");
  for (const char* name : {"api-server2", "api-serve", "node"})
    EXPECT_EQ(ask_who(ca_.issue(name, "DNS:x"))->body, "anybody") << name;
}

TEST_F(webhook_clients_test, nobody_is_known_without_an_authority_to_ask) {
  start();
  EXPECT_EQ(ask_who(ca_.issue("api-server", "DNS:x"))->body, "anybody");
}

TEST_F(webhook_server_test, changes_its_certificate_under_load) {
  start();
  auto next = new_certificates();
  auto both = next.authorities + certificates_.authorities;
  std::atomic<bool> stop = false;
  std::atomic<int> calls = 0, failures = 0;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      while (!stop) {
        failures += !post("x", both);
        ++calls;
      }
    });
  while (calls < 20) std::this_thread::yield();
  ASSERT_TRUE(server_->use(identity_of(next)));
  for (int so_far = calls; calls < so_far + 20;) std::this_thread::yield();
  stop = true;
  callers.clear();
  EXPECT_EQ(failures, 0);
  net::engine fresh;  // a connection that was open goes on with the old one
  net::request r{"POST", "https://127.0.0.1:" + std::to_string(server_->port()) + "/mutate/caches",
                 {},     "",
                 "x",    "application/json",
                 "",     {},
                 {}};
  r.tls.ca_pem = certificates_.authorities;
  EXPECT_FALSE(fresh.fetch(r, 1'000)) << "the old one is not served any more";
  r.tls.ca_pem = next.authorities;
  EXPECT_TRUE(fresh.fetch(r, 1'000));
}

TEST_F(webhook_server_test, keeps_what_it_has_when_given_what_is_no_identity) {
  start();
  auto other = new_certificates();
  for (const auto& bad :
       {serving_identity{}, serving_identity{other.serving.cert_pem, "x", ""},
        serving_identity{other.serving.cert_pem, certificates_.serving.key_pem, ""}})
    EXPECT_EQ(server_->use(bad).error().code, errc::invalid_argument);
  EXPECT_TRUE(post("x"));
}

TEST_F(webhook_server_test, says_why_it_cannot_listen) {
  start();
  webhook_server_options taken;
  taken.address = "127.0.0.1:" + std::to_string(server_->port());
  auto second = webhook_server::start(taken, {});
  // The system lets two listeners share a port where both ask for it.
  EXPECT_TRUE(second || second.error().code == errc::io);
  for (const char* address : {"", "x", "127.0.0.1", ":70000", ":x"}) {
    webhook_server_options bad;
    bad.address = address;
    EXPECT_EQ(webhook_server::start(bad, {}).error().code, errc::invalid_argument) << address;
  }
}

}  // namespace
}  // namespace gkm::op
