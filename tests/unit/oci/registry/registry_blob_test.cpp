#include "registry_fixture.hpp"

#include <atomic>
#include <thread>

namespace gkm::oci {
namespace {

using namespace test;

struct registry_blob : registry_test {
  /// The n-th request (from 1) for the layer is answered by `answer(n, request)`.
  template <class F>
  support::handler numbered(F answer) {
    return [this, answer](const seen_request& r) { return answer(++count_, r); };
  }
  /// The first connection breaks after 400,000 bytes; so many requests after it get `status`.
  support::handler broken_then_away(int requests, int status) {
    return numbered([=, this](int n, const seen_request& r) {
      if (n > 1 && n <= 1 + requests) return with_status(status);
      auto out = serve(r);
      if (n == 1) out.wrong.cut_after = 400'000;
      return out;
    });
  }
  std::vector<std::string> ranges(const fault_server& server) {
    std::vector<std::string> out;
    for (const auto& r : server.requests()) out.push_back(r.header("range"));
    return out;
  }
  std::atomic<int> count_{0};
};

TEST_F(registry_blob, comes_whole) {
  for (bool chunked : {false, true}) {
    fault_server server([&](const seen_request& r) {
      auto out = serve(r);
      out.chunked = chunked;
      return out;
    });
    auto got = blob(server);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(*got, layer_);
  }
}

TEST_F(registry_blob, may_be_empty) {
  fault_server server([](const seen_request&) { return with_status(200); });
  auto from = make_source(http_, {}, quick());
  auto got = read_blob(*from, ref_to(server), {layer_type, base::sha256::of(""), 0, {}}, 1, {});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, "");
}

TEST_F(registry_blob, is_resumed_where_it_broke) {
  fault_server server(numbered([this](int n, const seen_request& r) {
    auto out = serve(r);
    if (n == 1) out.wrong.cut_after = 400'000;
    if (n == 2) out.wrong = {.cut_after = 500'000, .reset = true};
    return out;
  }));
  auto got = blob(server);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, layer_);
  auto seen = ranges(server);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0], "");
  EXPECT_EQ(seen[1], "bytes=400000-");
  EXPECT_NE(seen[2], seen[1]);
}

TEST_F(registry_blob, is_resumed_after_faults_of_the_server) {
  fault_server server(broken_then_away(2, 503));
  auto got = blob(server);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, layer_);
}

TEST_F(registry_blob, is_resumed_by_a_registry_without_ranges) {
  fault_server server(numbered([this](int n, const seen_request&) {
    auto out = with_status(200, layer_);
    if (n <= 2) out.wrong.cut_after = 400'001;
    return out;
  }));
  auto got = blob(server);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, layer_);
  EXPECT_EQ(count_, 3);
}

TEST_F(registry_blob, is_resumed_as_long_as_connections_bring_something) {
  fault_server server(numbered([this](int, const seen_request& r) {
    auto out = serve(r);
    out.wrong.cut_after = layer_.size() / 12;
    return out;
  }));
  auto got = blob(server);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, layer_);
  EXPECT_GE(count_, 12);
}

TEST_F(registry_blob, is_given_up_if_connections_bring_next_to_nothing) {
  fault_server server(numbered([this](int n, const seen_request& r) {
    auto out = serve(r);
    out.wrong.cut_after = n == 1 ? 500'000 : 1'000;
    return out;
  }));
  auto got = blob(server);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_EQ(count_, 12);
  EXPECT_NE(got.error().message.find("of " + std::to_string(layer_.size()) + " bytes"),
            std::string::npos)
      << got.error().message;
  EXPECT_NE(got.error().message.find("broke off after 51"), std::string::npos)
      << got.error().message;
}

TEST_F(registry_blob, outlasts_a_registry_that_is_away_for_a_while) {
  fault_server server(broken_then_away(8, 502));
  auto got = blob(server);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, layer_);
  EXPECT_EQ(ranges(server).back(), "bytes=400000-");
}

TEST_F(registry_blob, is_given_up_sooner_if_nothing_comes) {
  fault_server server(numbered([this](int n, const seen_request& r) {
    auto out = serve(r);
    out.wrong.cut_after = n == 1 ? 1'000 : 0;
    return out;
  }));
  ASSERT_FALSE(blob(server));
  EXPECT_EQ(count_, 4);
}

TEST_F(registry_blob, has_exactly_the_size_of_its_descriptor) {
  for (int difference : {-1, 1}) {
    auto other = layer_;
    difference < 0 ? other.pop_back() : other.push_back('x');
    fault_server stated([&](const seen_request&) { return with_status(200, other); });
    auto got = blob(stated);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, errc::corrupt) << got.error().message;
    EXPECT_EQ(stated.requests().size(), 1U);
    EXPECT_LT(stated.body_bytes_sent(), uint64_t{64} << 20);
    fault_server unstated([&](const seen_request& r) {
      if (r.has("range")) return with_status(416);
      auto out = with_status(200, other);
      out.chunked = true;
      return out;
    });
    got = blob(unstated);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, errc::corrupt) << got.error().message;
  }
}

TEST_F(registry_blob, refuses_a_wrong_range) {
  for (std::string range : {"bytes 0-1499999/1500000", "bytes 400001-1499999/1500000",
                            "bytes 400000-1499999/9999999", "rubbish", ""}) {
    count_ = 0;
    fault_server server(numbered([&](int n, const seen_request& r) {
      auto out = serve(r);
      if (n == 1)
        out.wrong.cut_after = 400'000;
      else
        out.headers = {{"Content-Range", range}};
      return out;
    }));
    auto got = blob(server);
    ASSERT_FALSE(got) << range;
    EXPECT_EQ(got.error().code, errc::corrupt) << range << got.error().message;
    EXPECT_EQ(count_, 2);
  }
}

TEST_F(registry_blob, follows_redirects_without_credentials) {
  fault_server storage([this](const seen_request& r) { return serve_range(r, layer_); });
  fault_server server([&](const seen_request& r) {
    if (!r.has("authorization")) {
      auto out = with_status(401);
      out.headers = {{"WWW-Authenticate", "Basic realm=\"x\""}};
      return out;
    }
    return reply::redirect(307, storage.url("/bucket?signature=1"));
  });
  auto who = credential_store::parse(R"({"auths":{")" + server.authority() +
                                     R"(":{"username":"u","password":"p"}}})");
  auto got = blob(server, *who);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, layer_);
  ASSERT_EQ(storage.requests().size(), 1U);
  EXPECT_FALSE(storage.requests()[0].has("authorization"));
}

TEST_F(registry_blob, gives_a_storage_host_no_credentials_when_it_asks) {
  fault_server storage([](const seen_request&) {
    auto out = with_status(401);
    out.headers = {{"WWW-Authenticate", "Basic realm=\"give me\""}};
    return out;
  });
  fault_server server(
      [&](const seen_request&) { return reply::redirect(307, storage.url("/bucket")); });
  auto who = credential_store::parse(
      R"({"auths":{")" + server.authority() + R"(":{"username":"u","password":"p"},")" +
      storage.authority() + R"(":{"username":"u","password":"p"}}})");
  auto got = blob(server, *who);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable) << got.error().message;
  for (const auto& r : storage.requests()) EXPECT_FALSE(r.has("authorization"));
  for (const auto& r : server.requests()) EXPECT_FALSE(r.has("authorization"));
}

TEST_F(registry_blob, is_asked_for_at_the_registry_again_after_a_redirect_broke) {
  std::atomic<int> sent{0};
  fault_server storage([&](const seen_request& r) {
    auto out = serve_range(r, layer_);
    if (++sent == 1) out.wrong.cut_after = 300'000;
    return out;
  });
  fault_server server([&](const seen_request&) { return reply::redirect(302, storage.url("/b")); });
  auto got = blob(server);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, layer_);
  EXPECT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(storage.requests()[1].header("range"), "bytes=300000-");
}

TEST_F(registry_blob, is_cancelled_while_it_comes) {
  auto hold = std::make_shared<support::gate>();
  fault_server server([&](const seen_request& r) {
    auto out = serve(r);
    out.wrong.hold_body = hold;
    out.wrong.hold_body_at = 1'000;
    return out;
  });
  std::stop_source stop;
  std::jthread canceller([&] {
    server.wait_for_requests(1);
    stop.request_stop();
  });
  auto got = blob(server, {}, stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::cancelled);
}

}  // namespace
}  // namespace gkm::oci
