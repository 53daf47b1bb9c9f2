#include "on_fake_api.hpp"
#include "tests/support/registry/certificates.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace gkm::k8s {
namespace {

namespace fs = std::filesystem;

class identity : public ::testing::Test {
protected:
  identity() { api_.put(cache_path("x"), cache_json("x", "i")); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.path() / name) << text;
  }

  /// A plugin that counts its runs in the file "runs" and prints the file "answer".
  config with_plugin(const std::string& answer) {
    write("answer", answer);
    write("plugin", "#!/bin/sh\necho \"$KUBERNETES_EXEC_INFO\" >> runs\ncat answer\n");
    fs::permissions(dir_.path() / "plugin", fs::perms::owner_all);
    config c = at(api_.url());
    exec_plugin p;
    p.api_version = "client.authentication.k8s.io/v1";
    p.command = "/bin/sh";
    p.arguments = {"-c", "cd '" + dir_.path().string() + "' && ./plugin"};
    p.install_hint = "Ask the hint";
    c.identity.exec = p;
    return c;
  }

  int runs() {
    std::ifstream in(dir_.path() / "runs");
    int lines = 0;
    for (std::string line; std::getline(in, line);) ++lines;
    return lines;
  }

  static std::string answer(const std::string& status) {
    return R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":)" +
           status + "}";
  }

  static result<object> get(client& c) {
    return wait_for<object>([&](auto r) { c.get(gkm_caches, {"ns", "x"}, r); });
  }

  support::temp_dir dir_;
  support::fake_api api_;
};

}  // namespace

TEST_F(identity, is_shown_as_the_user_says) {
  struct {
    user who;
    std::string header;
  } cases[] = {{{}, ""}, {{}, "Bearer t"}, {{}, "Basic dTpw"}};
  cases[1].who.token = "t";
  cases[2].who.username = "u";
  cases[2].who.password = "p";
  for (const auto& c : cases) {
    auto where = at(api_.url());
    where.identity = c.who;
    client asks(where);
    ASSERT_TRUE(get(asks));
    EXPECT_EQ(api_.server().requests().back().header("authorization"), c.header);
  }
}

TEST_F(identity, a_token_that_was_replaced_is_read_again_when_refused) {
  write("token", "old\n");
  api_.require_token("old");
  auto where = at(api_.url());
  where.identity.token_file = dir_.path() / "token";
  client c(where);
  ASSERT_TRUE(get(c));
  write("token", "new\n");
  api_.require_token("new");
  auto asked = api_.server().requests().size();
  ASSERT_TRUE(get(c));
  EXPECT_EQ(api_.server().requests().size(), asked + 2);
  api_.require_token("neither");
  EXPECT_EQ(get(c).error().code, errc::unauthorized);
  EXPECT_EQ(api_.server().requests().size(), asked + 4);
}

TEST_F(identity, a_fixed_token_is_not_tried_twice) {
  api_.require_token("other");
  auto where = at(api_.url());
  where.identity.token = "t";
  client c(where);
  EXPECT_EQ(get(c).error().code, errc::unauthorized);
  EXPECT_EQ(api_.server().requests().size(), 1u);
}

TEST_F(identity, a_missing_token_file_is_named) {
  auto where = at(api_.url());
  where.identity.token_file = dir_.path() / "none";
  client c(where);
  auto got = get(c);
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("none'"), std::string::npos) << got.error().message;
}

TEST_F(identity, a_plugin_is_asked_once_until_refused) {
  api_.require_token("one");
  client c(with_plugin(answer(R"({"token":"one","expirationTimestamp":"2999-01-01T00:00:00Z"})")));
  ASSERT_TRUE(get(c));
  ASSERT_TRUE(get(c));
  EXPECT_EQ(runs(), 1);
  write("answer", answer(R"({"token":"two"})"));
  api_.require_token("two");
  ASSERT_TRUE(get(c));
  EXPECT_EQ(runs(), 2);
}

TEST_F(identity, what_a_plugin_gave_is_dropped_when_it_expires) {
  client c(with_plugin(answer(R"({"token":"one","expirationTimestamp":"2001-01-01T00:00:00Z"})")));
  ASSERT_TRUE(get(c));
  ASSERT_TRUE(get(c));
  EXPECT_EQ(runs(), 2);
}

TEST_F(identity, a_plugin_that_fails_is_named_and_its_output_is_not) {
  struct {
    std::string answer;
    const char* says;
  } cases[] = {{"s3cret", "not valid JSON"},
               {answer("{}"), "status.token is missing"},
               {answer(R"({"token":7})"), "status.token"},
               {answer(R"({"clientCertificateData":"s3cret"})"), "belong together"},
               {R"({"kind":"s3cret"})", "kind must be"}};
  for (const auto& one : cases) {
    client c(with_plugin(one.answer));
    auto got = get(c);
    ASSERT_FALSE(got) << one.answer;
    EXPECT_EQ(got.error().code, errc::unauthorized);
    EXPECT_NE(got.error().message.find("'/bin/sh'"), std::string::npos);
    EXPECT_NE(got.error().message.find(one.says), std::string::npos) << got.error().message;
    EXPECT_EQ(got.error().message.find("s3cret"), std::string::npos) << got.error().message;
  }
  auto where = with_plugin("");
  where.identity.exec->command = "gkm-no-such-plugin";
  client c(where);
  EXPECT_NE(get(c).error().message.find("Ask the hint"), std::string::npos);
}

TEST(identity_of_a_certificate, is_shown_from_memory) {
  support::temp_dir dir;
  support::test_ca ca(dir.path(), "ca");
  auto server = ca.issue("server", "IP:127.0.0.1");
  auto mine = ca.issue("mine", "DNS:mine");
  auto contents = [](const std::string& file) {
    std::ifstream in(file);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  support::fake_api api(
      {true, "", support::server_tls{server.certificate, server.key, ca.certificate_file()}});
  api.put(cache_path("x"), cache_json("x", "i"));
  auto where = at(api.url());
  where.ca_pem = contents(ca.certificate_file());
  where.identity.client_cert_pem = contents(mine.certificate);
  where.identity.client_key_pem = contents(mine.key);
  client c(where);
  auto got = wait_for<object>([&](auto r) { c.get(gkm_caches, {"ns", "x"}, r); });
  EXPECT_TRUE(got) << got.error().message;
}

}  // namespace gkm::k8s
