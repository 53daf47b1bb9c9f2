// Whether a registry would give us a blob, without its bytes.
#include "registry_fixture.hpp"

namespace gkm::oci {
namespace {

using namespace test;

struct has_blob : registry_test {
  result<bool> ask(const fault_server& server, std::stop_token stop = {}) {
    return make_source(http_, {}, quick())->has_blob(ref_to(server), layer(), std::move(stop));
  }
  static std::string methods(const fault_server& server) {
    std::string out;
    for (const auto& r : server.requests())
      out += r.method + (r.has("range") ? " " + r.header("range") : "") + ";";
    return out;
  }
};

reply answer_to_get(const seen_request& r, int head_status, reply to_get) {
  return r.method == "HEAD" ? with_status(head_status) : std::move(to_get);
}

}  // namespace

TEST_F(has_blob, is_told_by_one_head) {
  fault_server server([this](const seen_request& r) { return serve(r); });
  EXPECT_EQ(ask(server), true);
  EXPECT_EQ(methods(server), "HEAD;");
}

TEST_F(has_blob, is_asked_with_one_byte_where_head_is_not_known) {
  for (int status : {401, 403, 404, 405, 500, 501}) {
    fault_server server([&](const seen_request& r) {
      auto first = with_status(206, layer_.substr(0, 1));
      first.headers = {{"Content-Range", "bytes 0-0/" + std::to_string(layer_.size())}};
      return answer_to_get(r, status, first);
    });
    EXPECT_EQ(ask(server), true) << status;
    EXPECT_EQ(methods(server), "HEAD;GET bytes=0-0;") << status;
  }
}

TEST_F(has_blob, does_not_read_on_where_ranges_are_not_known) {
  auto hold = std::make_shared<support::gate>();
  fault_server server([&](const seen_request& r) {
    auto all = with_status(200, layer_);
    all.wrong.hold_body = hold;
    all.wrong.hold_body_at = 1'000;
    return answer_to_get(r, 405, all);
  });
  EXPECT_EQ(ask(server), true);
}

TEST_F(has_blob, is_denied_by_what_does_not_change) {
  for (int status : {400, 401, 403, 404, 405, 416}) {
    fault_server server([&](const seen_request&) { return with_status(status); });
    EXPECT_EQ(ask(server), false) << status;
  }
}

TEST_F(has_blob, is_not_known_while_the_registry_is_away) {
  fault_server server([&](const seen_request&) { return with_status(503); });
  auto got = ask(server);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable);
}

TEST_F(has_blob, heeds_the_stop) {
  std::stop_source stop;
  fault_server server([&](const seen_request&) {
    stop.request_stop();
    return with_status(503);
  });
  auto got = ask(server, stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::cancelled);
}

TEST_F(has_blob, of_a_layout_is_left_to_reading) {
  EXPECT_EQ(make_source(http_, {}, quick())->has_blob(*image_ref::parse("oci:x"), layer(), {}),
            false);
}

}  // namespace gkm::oci
