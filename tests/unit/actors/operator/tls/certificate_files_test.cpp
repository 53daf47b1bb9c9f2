#include "actors/operator/tls/certificate_files.hpp"

#include "actors/operator/tls/ca_bundles.hpp"
#include "actors/operator/tls/certificate_secret.hpp"
#include "actors/operator/tls/rotation.hpp"
#include "base/base64.hpp"
#include "base/files.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/temp_dir.hpp"

#include <gmock/gmock.h>

#include <ctime>
#include <mutex>

namespace gkm::op {
namespace {

using ::testing::HasSubstr;

certificate_state new_certificates() {
  rotation_rules rules;
  rules.names = {"localhost"};
  return plan_rotation({}, rules, std::time(nullptr))->wanted.value();
}

void write(const std::filesystem::path& dir, const certificate_state& s) {
  ASSERT_TRUE(base::write_file_atomically(dir / "ca.crt", s.authorities));
  ASSERT_TRUE(base::write_file_atomically(dir / "tls.crt", s.serving.cert_pem));
  ASSERT_TRUE(base::write_file_atomically(dir / "tls.key", s.serving.key_pem));
}

TEST(certificate_files, are_read_again_when_they_change) {
  support::temp_dir dir;
  std::mutex mutex;
  std::vector<serving_identity> seen;
  auto count = [&] {
    std::lock_guard lock(mutex);
    return seen.size();
  };
  auto files = certificate_files::start(dir.path(), [&](const serving_identity& i) {
    std::lock_guard lock(mutex);
    seen.push_back(i);
  });
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(count(), 0U) << "they may come later";
  for (size_t i = 1; i <= 3; ++i) {
    auto next = new_certificates();
    write(dir.path(), next);
    support::eventually("the change is seen", [&] {
      std::lock_guard lock(mutex);
      return !seen.empty() &&
             seen.back() ==
                 serving_identity{next.serving.cert_pem, next.serving.key_pem, next.authorities};
    });
  }
}

TEST(certificate_files, that_do_not_fit_are_an_error) {
  support::temp_dir dir;
  EXPECT_EQ(read_identity(dir.path()).error().code, errc::not_found);
  auto one = new_certificates();
  one.serving.key_pem = new_certificates().serving.key_pem;
  write(dir.path(), one);
  EXPECT_THAT(read_identity(dir.path()).error().message, HasSubstr("is not the key of"));
}

TEST(certificate_secret, is_read_as_it_was_written) {
  auto state = new_certificates();
  auto text = print_certificate_secret({"gkm-system", "s"}, state, "7");
  auto secret = k8s::object::parse(text);
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(secret->text({"type"}), "kubernetes.io/tls");
  EXPECT_EQ(secret->resource_version(), "7");
  EXPECT_EQ(parse_certificate_secret(*secret), state);
  auto hostile =
      k8s::object::parse(R"({"metadata":{"name":"s"},"data":{"tls.crt":"%","ca.key":[]}})");
  EXPECT_EQ(parse_certificate_secret(*hostile), certificate_state{});
}

TEST(ca_bundle, is_put_into_every_webhook_that_has_another) {
  auto patch = [](const std::string& annotations, const std::string& webhooks) {
    return bundle_patch(*k8s::object::parse(R"({"metadata":{"name":"x","resourceVersion":"3",)"
                                            R"("annotations":{)" +
                                            annotations + R"(}},"webhooks":)" + webhooks + "}"),
                        "Q0E=");
  };
  EXPECT_EQ(patch("", R"([{"clientConfig":{"caBundle":"Q0E="}},{"clientConfig":{}}])"),
            R"([{"op":"test","path":"/metadata/resourceVersion","value":"3"},)"
            R"({"op":"add","path":"/webhooks/1/clientConfig/caBundle","value":"Q0E="}])");
  EXPECT_EQ(patch("", R"([{"clientConfig":{"caBundle":"Q0E="}}])"), "");
  EXPECT_EQ(patch("", "[]"), "");
  EXPECT_EQ(patch("", "7"), "");
  EXPECT_EQ(patch(R"("cert-manager.io/inject-ca-from":"a/b")", R"([{"clientConfig":{}}])"), "");
}

}  // namespace
}  // namespace gkm::op
