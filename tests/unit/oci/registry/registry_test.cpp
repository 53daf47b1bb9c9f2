#include "oci/registry/registry.hpp"

#include "registry_fixture.hpp"
#include "tests/support/registry/certificates.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace gkm::oci {
namespace {

using namespace test;

struct registry : registry_test {};

TEST_F(registry, gives_a_manifest_by_tag_and_by_digest) {
  fault_server server([this](const seen_request& r) { return serve(r); });
  auto from = make_source(http_, {}, quick());
  for (auto suffix : {std::string(":t"), "@" + digest_, ":old@" + digest_}) {
    auto got = from->manifest(ref_to(server, suffix), {});
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->bytes, manifest_);
    EXPECT_EQ(got->media_type, manifest_type);
    EXPECT_EQ(got->content.str(), digest_);
  }
  auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].header("accept"), accepted_manifest_types());
  EXPECT_FALSE(requests[0].has("authorization"));
}

TEST_F(registry, asks_again_when_what_a_tag_brings_is_no_manifest) {
  for (const std::string& rubbish :
       {std::string("<html>sign in</html>"), std::string(), manifest_.substr(0, 40),
        std::string(R"({"errors":[{"code":"UNKNOWN"}]})"), std::string("[1]"), std::string("ok")}) {
    std::atomic<int> asked = 0;
    fault_server server([&](const seen_request& r) {
      if (++asked == 1) {
        auto out = with_status(200, rubbish);
        out.headers = {{"Content-Type", "text/html"}};
        return out;
      }
      return serve(r);
    });
    auto got = make_source(http_, {}, quick())->manifest(ref_to(server, ":t"), {});
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->bytes, manifest_);
  }
  fault_server always([](const seen_request&) { return with_status(200, "<html>"); });
  auto got = make_source(http_, {}, quick())->manifest(ref_to(always, ":t"), {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_NE(got.error().message.find("no manifest"), std::string::npos) << got.error().message;
}

TEST_F(registry, says_what_is_missing) {
  fault_server server([this](const seen_request& r) { return serve(r); });
  auto from = make_source(http_, {}, quick());
  auto got = from->manifest(ref_to(server, ":nope"), {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::not_found);
  EXPECT_NE(got.error().message.find("/gkm/x:nope'"), std::string::npos) << got.error().message;
  EXPECT_NE(got.error().message.find("check the name and the tag"), std::string::npos);
  auto blob = from->blob(ref_to(server), {layer_type, base::sha256::of("other"), 5, {}}, {});
  ASSERT_FALSE(blob);
  EXPECT_EQ(blob.error().code, errc::not_found);
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(registry, detects_lies_about_digests) {
  fault_server wrong_header([this](const seen_request& r) {
    auto out = serve(r);
    out.headers = {{"Docker-Content-Digest", base::sha256::of("other").str()}};
    return out;
  });
  EXPECT_EQ(manifest(wrong_header).error().code, errc::corrupt);
  fault_server wrong_body([this](const seen_request& r) {
    auto out = serve(r);
    out.body += ' ';
    out.headers.clear();
    return out;
  });
  EXPECT_TRUE(manifest(wrong_body));  // a tag promises nothing
  auto from = make_source(http_, {}, quick());
  auto pinned = from->manifest(ref_to(wrong_body, "@" + digest_), {});
  ASSERT_FALSE(pinned);
  EXPECT_EQ(pinned.error().code, errc::corrupt);
  fault_server other_algorithm([this](const seen_request& r) {
    auto out = serve(r);
    out.headers = {{"Docker-Content-Digest", "sha512:00"}};
    return out;
  });
  EXPECT_TRUE(manifest(other_algorithm));
}

TEST_F(registry, refuses_a_huge_manifest) {
  for (bool chunked : {false, true}) {
    fault_server server([&](const seen_request&) {
      auto out = with_status(200, std::string(1 << 20, ' '));
      out.repeat_body = 1'000;
      out.chunked = chunked;
      return out;
    });
    auto got = manifest(server);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, errc::limit_exceeded);
    EXPECT_EQ(server.requests().size(), 1U);
  }
}

TEST_F(registry, tries_again_what_may_succeed_later) {
  for (int status : {429, 500, 502, 503, 504, 408}) {
    std::atomic<int> count{0};
    fault_server server([&](const seen_request& r) {
      return ++count < 3 ? with_status(status, "busy") : serve(r);
    });
    auto got = manifest(server);
    EXPECT_TRUE(got) << status << ": " << got.error().message;
    EXPECT_EQ(count, 3) << status;
  }
}

TEST_F(registry, gives_up_in_the_end) {
  fault_server server([](const seen_request&) { return with_status(503); });
  auto got = manifest(server);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_NE(got.error().message.find("503"), std::string::npos);
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST_F(registry, hands_a_long_retry_after_to_the_caller) {
  fault_server server([](const seen_request&) {
    auto out = with_status(429);
    out.headers = {{"Retry-After", "120"}};
    return out;
  });
  auto got = manifest(server);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_EQ(got.error().retry_after.count(), 120);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(registry, obeys_a_short_retry_after) {
  std::atomic<int> count{0};
  fault_server server([&](const seen_request& r) {
    if (++count > 1) return serve(r);
    auto out = with_status(429);
    out.headers = {{"Retry-After", "1"}};
    return out;
  });
  EXPECT_TRUE(manifest(server));
  EXPECT_EQ(count, 2);
}

TEST_F(registry, repeats_what_the_registry_says_of_other_faults) {
  fault_server server([](const seen_request&) {
    return with_status(400,
                       R"({"errors":[{"code":"X","message":"bad\u001b[31m name"},{"code":"Y"}]})");
  });
  auto got = manifest(server);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::invalid_argument);
  EXPECT_NE(got.error().message.find("bad?[31m name; Y"), std::string::npos) << got.error().message;
  EXPECT_EQ(server.requests().size(), 1U);
  for (int status : {201, 204, 206, 304, 418, 501}) {
    fault_server odd([status](const seen_request&) { return with_status(status); });
    EXPECT_FALSE(manifest(odd)) << status;
    EXPECT_EQ(odd.requests().size(), 1U) << status;
  }
}

TEST_F(registry, bounds_what_the_registry_says) {
  fault_server server([](const seen_request&) {
    return with_status(400, R"({"errors":[{"message":")" + std::string(4'000, 'x') + "\"}]}");
  });
  EXPECT_LT(manifest(server).error().message.size(), 600U);
  fault_server endless([](const seen_request&) {
    auto out = with_status(400, std::string(1 << 20, '['));
    out.repeat_body = 1'000;
    return out;
  });
  EXPECT_LT(manifest(endless).error().message.size(), 600U);
}

TEST_F(registry, survives_a_broken_connection) {
  std::atomic<int> count{0};
  fault_server server([&](const seen_request& r) {
    auto out = serve(r);
    auto n = ++count;
    if (n == 1) out.wrong.hang_up = true;
    if (n == 2) out.wrong.cut_after = 10;
    return out;
  });
  auto got = manifest(server);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->bytes, manifest_);
}

TEST_F(registry, is_cancelled_while_it_waits) {
  std::stop_source stop;
  auto options = quick();
  options.max_retry_delay = std::chrono::hours{1};
  fault_server server([](const seen_request&) {
    auto out = with_status(503);
    out.headers = {{"Retry-After", "3000"}};
    return out;
  });
  auto from = make_source(http_, {}, options);
  std::jthread canceller([&] {
    server.wait_for_requests(1);
    stop.request_stop();
  });
  auto got = from->manifest(ref_to(server), stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::cancelled);
}

TEST_F(registry, gives_a_connection_error_that_names_the_registry) {
  auto ref = *image_ref::parse("127.0.0.1:" + std::to_string(support::unused_port()) + "/x");
  auto got = make_source(http_, {}, quick())->manifest(ref, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_NE(got.error().message.find(ref.host), std::string::npos) << got.error().message;
  EXPECT_FALSE(make_registry_source(http_, {}, quick())->manifest(*image_ref::parse("oci:x"), {}));
}

struct registry_scheme : registry_test {
  registry_scheme() {
    std::string name = testing::TempDir() + "gkm-registry-XXXXXX";
    dir_ = mkdtemp(name.data());
    ca_ = std::make_unique<support::test_ca>(dir_, "ca");
    own_ = ca_->issue("server", "IP:127.0.0.1");
  }
  ~registry_scheme() override {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  std::filesystem::path dir_;
  std::unique_ptr<support::test_ca> ca_;
  support::pem_files own_;
};

TEST_F(registry_scheme, is_https_where_a_ca_is_configured) {
  fault_server server([this](const seen_request& r) { return serve(r); },
                      support::server_tls{own_.certificate, own_.key, ""});
  auto options = quick();
  options.ca_file = ca_->certificate_file();
  auto got = make_source(http_, {}, options)->manifest(ref_to(server), {});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(registry_scheme, is_found_out_to_be_http_although_a_ca_is_configured) {
  fault_server server([this](const seen_request& r) { return serve(r); });
  auto options = quick();
  options.ca_file = ca_->certificate_file();
  auto from = make_source(http_, {}, options);
  EXPECT_TRUE(from->manifest(ref_to(server), {}));
  EXPECT_TRUE(from->manifest(ref_to(server), {}));
}

TEST_F(registry_scheme, is_never_http_because_a_certificate_is_not_trusted) {
  fault_server server([this](const seen_request& r) { return serve(r); },
                      support::server_tls{own_.certificate, own_.key, ""});
  support::test_ca other(dir_, "other");
  auto options = quick();
  options.ca_file = other.certificate_file();
  auto got = make_source(http_, {}, options)->manifest(ref_to(server), {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unauthorized);
  EXPECT_NE(got.error().message.find("not trusted"), std::string::npos) << got.error().message;
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(registry_scheme, is_https_after_a_server_says_so) {
  std::atomic<int> plain{0};
  fault_server server([&](const seen_request&) {
    ++plain;
    return with_status(400, "Client sent an HTTP request to an HTTPS server.\n");
  });
  auto got = make_source(http_, {}, quick())->manifest(ref_to(server), {});
  ASSERT_FALSE(
      got);  // it does not speak TLS either; what counts is that plain HTTP is not the answer
  EXPECT_NE(got.error().code, errc::invalid_argument) << got.error().message;
  fault_server other([](const seen_request&) {
    return with_status(400, R"({"errors":[{"message":"really bad"}]})");
  });
  auto bad = make_source(http_, {}, quick())->manifest(ref_to(other), {});
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("really bad"), std::string::npos) << bad.error().message;
}

}  // namespace
}  // namespace gkm::oci
