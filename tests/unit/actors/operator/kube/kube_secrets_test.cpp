#include "actors/operator/kube/kube_api.hpp"
#include "base/base64.hpp"
#include "k8s/config.hpp"
#include "messages/pull_secret.hpp"
#include "tests/support/kube/k8s_answers.hpp"
#include "tests/support/registry/fault_server.hpp"

#include <gtest/gtest.h>

namespace gkm::op {
namespace {

using support::reply;
using support::seen_request;
using support::wait_for;

std::string secret(const std::string& type, const std::string& data,
                   const std::string& labels = "{}") {
  return R"({"metadata":{"name":"login","namespace":"team","uid":"u","resourceVersion":"7",)"
         R"("labels":)" +
         labels + R"(},"type":")" + type + R"(","data":{)" + data + "}}";
}

/// On a server that answers as it is told.
class kube_secrets_test : public ::testing::Test {
protected:
  result<registry_login> read(const std::string& body) {
    answer_ = [body](const seen_request&) { return reply{200, body}; };
    return wait_for<registry_login>([&](auto r) { port_.read_login({"team", "login"}, r); });
  }
  static k8s::config at(const std::string& url) {
    k8s::config c;
    c.server = url;
    return c;
  }

  std::function<reply(const seen_request&)> answer_;
  support::fault_server server_{[this](const seen_request& r) { return answer_(r); }};
  k8s::client client_{at(server_.url(""))};
  metrics metrics_;
  kube_secrets port_{client_, metrics_, "copies"};
};

TEST_F(kube_secrets_test, reads_both_kinds_of_pull_secret_and_their_version) {
  for (const auto& [type, field] :
       {std::pair("dockerconfigjson", ".dockerconfigjson"), std::pair("dockercfg", ".dockercfg")}) {
    auto login = read(
        secret(std::string("kubernetes.io/") + type, '"' + std::string(field) + R"(":"e30=")"));
    ASSERT_TRUE(login) << login.error().message;
    EXPECT_EQ(login->text, "{}");
    EXPECT_EQ(login->version, "u/7");
  }
}

TEST_F(kube_secrets_test, takes_no_other_secret) {
  const std::string config = R"(".dockerconfigjson":"e30=")";
  EXPECT_EQ(read(secret("Opaque", config)).error().code, errc::invalid_argument);
  EXPECT_EQ(read(secret("kubernetes.io/dockerconfigjson", "")).error().code,
            errc::invalid_argument);
  EXPECT_EQ(
      read(secret("kubernetes.io/dockerconfigjson", R"(".dockerconfigjson":"?")")).error().code,
      errc::invalid_argument);
  auto copy = secret("kubernetes.io/dockerconfigjson", config, R"({"gkm.io/pull-secret":"true"})");
  EXPECT_EQ(read(copy).error().code, errc::invalid_argument) << "a copy is nobody's to name";
  auto large = base::to_base64(std::string(pull_secret_bytes_max + 1, 'x'));
  EXPECT_EQ(read(secret("kubernetes.io/dockerconfigjson", R"(".dockerconfigjson":")" + large + '"'))
                .error()
                .code,
            errc::limit_exceeded);
}

TEST_F(kube_secrets_test, writes_a_part_in_the_place_of_one_of_another_type) {
  bool refused = false;
  answer_ = [&](const seen_request& r) {
    // As the API server does: the type of a Secret is for ever.
    if (r.method == "PATCH" && !std::exchange(refused, true))
      return reply{422, R"({"message":"type: field is immutable"})"};
    return reply{200, R"({"metadata":{"name":"copy"}})"};
  };
  auto written = wait_for<done>([&](auto r) {
    port_.write_part({"team", "login"}, {"copy", 4, "u/7", "abc"}, "sealed bytes", r);
  });
  ASSERT_TRUE(written) << written.error().message;
  auto seen = server_.requests();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[1].method, "DELETE");
  auto put = k8s::object::parse(seen[2].body);
  ASSERT_TRUE(put);
  EXPECT_EQ(put->key().str(), "copies/copy");
  EXPECT_EQ(put->text({"type"}), pull_secret_type);
  EXPECT_EQ(put->annotation(pull_secret_parts_annotation), "4");
  EXPECT_EQ(put->text({"data", pull_secret_sealed_field}), base::to_base64("sealed bytes"));
}

TEST_F(kube_secrets_test, lists_parts_as_it_wrote_them) {
  const copied_part part{"copy", 4, "u/7", "abc"};
  answer_ = [](const seen_request&) { return reply{200, R"({"metadata":{"name":"copy"}})"}; };
  ASSERT_TRUE(wait_for<done>([&](auto r) {
    port_.write_part({"team", "login"}, part, "sealed", r);
  }));
  auto put = server_.requests()[0].body;
  answer_ = [put](const seen_request&) {
    return reply{200, R"({"metadata":{"resourceVersion":"9"},"items":[)" + put +
                          R"(,{"metadata":{"name":"of-an-earlier-version"}}]})"};
  };
  auto found = wait_for<std::vector<copied_part>>([&](auto r) { port_.list_parts(r); });
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0], part);
  EXPECT_EQ((*found)[1], (copied_part{"of-an-earlier-version", 1, "", ""}));
}

}  // namespace
}  // namespace gkm::op
