#include "base/base64.hpp"
#include "oci/registry/authorizer.hpp"
#include "registry_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <set>

namespace gkm::oci {
namespace {

using namespace test;

/// A registry that is its own token server.
struct registry_auth : registry_test {
  support::handler bearer() {
    return [this](const seen_request& r) {
      if (r.path() == "/token") return give_token(r);
      std::lock_guard lock(mutex_);
      auto sent = r.header("authorization");
      if (sent.starts_with("Bearer ") && valid_.contains(sent.substr(7))) return serve(r);
      auto out = with_status(401, R"({"errors":[{"code":"UNAUTHORIZED"}]})");
      out.headers = {{"WWW-Authenticate", "Basic realm=\"no\""},
                     {"WWW-Authenticate", "Bearer realm=\"" + realm_ +
                                              "\",service=\"s\",scope=\"repository:gkm/x:pull\""}};
      return out;
    };
  }
  reply give_token(const seen_request& r) {
    std::lock_guard lock(mutex_);
    if (!wanted_.empty() && r.header("authorization") != wanted_) return with_status(401);
    auto token = "token" + std::to_string(++tokens_);
    if (accepts_) valid_.insert(token);
    return with_status(200, R"({"token":")" + token + R"(","expires_in":)" + expires_in_ + "}");
  }
  void start() {
    server_ = std::make_unique<fault_server>([this](const seen_request& r) { return answer_(r); });
    realm_ = server_->url("/token");
    answer_ = bearer();
  }
  credential_store account(const std::string& entry) {
    return *credential_store::parse(R"({"auths":{")" + server_->authority() + R"(":{)" + entry +
                                    "}}}");
  }
  size_t requests_with_authorization(const std::string& start) {
    auto all = server_->requests();
    return static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](const auto& r) {
      return r.header("authorization").starts_with(start);
    }));
  }

  std::mutex mutex_;
  std::set<std::string> valid_;
  std::string wanted_;
  std::string realm_;
  std::string expires_in_ = "300";
  bool accepts_ = true;
  int tokens_ = 0;
  support::handler answer_ = bearer();
  std::unique_ptr<fault_server> server_;
};

TEST_F(registry_auth, gets_an_anonymous_token_once) {
  start();
  auto from = make_source(http_, {}, quick());
  for (int i = 0; i < 3; ++i) {
    auto got = from->manifest(ref_to(*server_), {});
    ASSERT_TRUE(got) << got.error().message;
  }
  EXPECT_TRUE(read_blob(*from, ref_to(*server_), layer(), 64 << 20, {}));
  auto asked = server_->requests_for("/token");
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].target, "/token?service=s&scope=repository%3Agkm%2Fx%3Apull");
  EXPECT_FALSE(asked[0].has("authorization"));
  EXPECT_EQ(server_->requests().size(), 6U);
}

TEST_F(registry_auth, sends_the_password_to_the_realm_only) {
  start();
  wanted_ = "Basic " + base::to_base64("u:p");
  auto got = manifest(*server_, account(R"("username":"u","password":"p")"));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(requests_with_authorization("Basic"), 1U);
  EXPECT_EQ(server_->requests_for("/token").size(), 1U);
}

TEST_F(registry_auth, posts_an_identity_token) {
  start();
  auto got = manifest(*server_, account(R"("identitytoken":"refresh me")"));
  ASSERT_TRUE(got) << got.error().message;
  auto asked = server_->requests_for("/token");
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].method, "POST");
  EXPECT_NE(asked[0].body.find("grant_type=refresh_token"), std::string::npos);
  EXPECT_NE(asked[0].body.find("refresh_token=refresh%20me"), std::string::npos);
  EXPECT_EQ(asked[0].header("content-type"), "application/x-www-form-urlencoded");
}

TEST_F(registry_auth, replaces_a_token_that_is_no_longer_accepted_once) {
  start();
  auto from = make_source(http_, {}, quick());
  ASSERT_TRUE(from->manifest(ref_to(*server_), {}));
  {
    std::lock_guard lock(mutex_);
    valid_.clear();
  }
  auto got = from->manifest(ref_to(*server_), {});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(tokens_, 2);
  {
    std::lock_guard lock(mutex_);
    valid_.clear();
    accepts_ = false;
  }
  got = from->manifest(ref_to(*server_), {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unauthorized);
  EXPECT_EQ(tokens_, 3);
}

TEST_F(registry_auth, replaces_a_token_in_the_middle_of_a_blob) {
  start();
  auto usual = bearer();
  std::atomic<int> blobs{0};
  answer_ = [&, usual](const seen_request& r) {
    auto out = usual(r);
    if (r.path() == layer_path() && out.status == 200 && ++blobs == 1) {
      out.wrong.cut_after = 300'000;
      std::lock_guard lock(mutex_);
      valid_.clear();
    }
    return out;
  };
  auto got = blob(*server_);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, layer_);
  EXPECT_EQ(tokens_, 2);
}

TEST_F(registry_auth, tells_wrong_credentials_from_none) {
  start();
  wanted_ = "Basic " + base::to_base64("u:right");
  auto wrong = manifest(*server_, account(R"("username":"u","password":"hunter2")"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, errc::unauthorized);
  EXPECT_NE(wrong.error().message.find("were not accepted"), std::string::npos)
      << wrong.error().message;
  EXPECT_EQ(wrong.error().message.find("hunter2"), std::string::npos);
  auto none = manifest(*server_);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::unauthorized);
  EXPECT_NE(none.error().message.find("no credentials"), std::string::npos) << none.error().message;
  EXPECT_NE(none.error().message.find("docker login " + server_->authority()), std::string::npos);
}

TEST_F(registry_auth, does_basic) {
  start();
  answer_ = [this](const seen_request& r) {
    if (r.header("authorization") == "Basic " + base::to_base64("u:p")) return serve(r);
    auto out = with_status(401);
    out.headers = {{"WWW-Authenticate", "Basic realm=\"registry, inc\""}};
    return out;
  };
  auto from = make_source(http_, account(R"("username":"u","password":"p")"), quick());
  ASSERT_TRUE(from->manifest(ref_to(*server_), {}));
  ASSERT_TRUE(from->manifest(ref_to(*server_), {}));
  EXPECT_EQ(server_->requests().size(), 3U);
  auto wrong = manifest(*server_, account(R"("username":"u","password":"x")"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, errc::unauthorized);
  EXPECT_NE(wrong.error().message.find("not accepted"), std::string::npos) << wrong.error().message;
  auto none = manifest(*server_);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("no credentials"), std::string::npos) << none.error().message;
}

TEST_F(registry_auth, does_not_do_what_it_does_not_know) {
  start();
  for (std::string header : {"Negotiate", "", "Digest realm=\"x\", nonce=\"y\""}) {
    answer_ = [header](const seen_request&) {
      auto out = with_status(401);
      if (!header.empty()) out.headers = {{"WWW-Authenticate", header}};
      return out;
    };
    auto got = manifest(*server_, account(R"("username":"u","password":"p")"));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, errc::unauthorized);
  }
  EXPECT_EQ(requests_with_authorization("B"), 0U);
}

TEST_F(registry_auth, sends_nothing_to_a_realm_that_is_no_url_or_unsafe) {
  start();
  for (std::string realm : {"", "nonsense", "file:///etc/passwd", "ftp://x/", "https://a b/"}) {
    realm_ = realm;
    auto got = manifest(*server_, account(R"("username":"u","password":"p")"));
    ASSERT_FALSE(got) << realm;
    EXPECT_EQ(got.error().code, errc::refused) << realm << got.error().message;
  }
  EXPECT_EQ(requests_with_authorization("Basic"), 0U);
}

TEST_F(registry_auth, replaces_a_token_that_has_run_out_before_it_is_turned_down) {
  start();
  authorizer::time_point now{};
  authorizer tested(http_, {}, {}, {}, [&now] { return now; });
  auto ref = ref_to(*server_);
  EXPECT_EQ(tested.known(ref, {})->header, "");
  auto wanted = "Bearer realm=\"" + realm_ + "\",service=\"s\",scope=\"x\"";
  auto origin = "http://" + server_->authority();
  EXPECT_EQ(tested.answer(ref, origin, wanted, {}, {})->header, "Bearer token1");
  now += std::chrono::seconds{299};
  EXPECT_EQ(tested.known(ref, {})->header, "Bearer token1");
  EXPECT_FALSE(tested.known(ref, {})->fresh);
  now += std::chrono::seconds{1};
  EXPECT_EQ(tested.known(ref, {})->header, "Bearer token2");
}

TEST_F(registry_auth, sends_no_password_over_http_for_a_registry_with_tls) {
  start();
  authorizer tested(http_, account(R"("username":"u","password":"p")"), {}, {});
  auto wanted = "Bearer realm=\"" + realm_ + "\"";
  auto got = tested.answer(ref_to(*server_), "https://quay.io", wanted, {}, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::refused);
  EXPECT_TRUE(server_->requests().empty());
}

TEST_F(registry_auth, tries_the_realm_again_and_reports_its_faults) {
  start();
  auto usual = bearer();
  std::atomic<int> asked{0};
  std::string rubbish;
  answer_ = [&, usual](const seen_request& r) {
    if (r.path() != "/token") return usual(r);
    if (!rubbish.empty()) return with_status(200, rubbish);
    return ++asked < 3 ? with_status(503) : usual(r);
  };
  EXPECT_TRUE(manifest(*server_));
  EXPECT_EQ(asked, 3);
  for (std::string body : {"{}", "x", R"({"token":"a\r\nX: y"})"}) {
    rubbish = body;
    auto got = manifest(*server_);
    ASSERT_FALSE(got) << body;
    EXPECT_EQ(got.error().code, errc::unavailable) << got.error().message;
  }
}

TEST_F(registry_auth, forbids_without_asking_twice) {
  start();
  answer_ = [](const seen_request&) {
    return with_status(403, R"({"errors":[{"code":"DENIED","message":"go away"}]})");
  };
  auto got = manifest(*server_);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unauthorized);
  EXPECT_NE(got.error().message.find("go away"), std::string::npos) << got.error().message;
  EXPECT_EQ(server_->requests().size(), 1U);
}

}  // namespace
}  // namespace gkm::oci
