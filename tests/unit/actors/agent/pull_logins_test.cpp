#include "actors/agent/pull_logins.hpp"

#include "actors/agent/pull_secret_key.hpp"
#include "base/base64.hpp"
#include "base/sealing.hpp"
#include "k8s/objects/object.hpp"
#include "messages/pull_secret.hpp"
#include "oci/registry/credentials.hpp"
#include "tests/support/temp_dir.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace gkm::node {
namespace {

using ::testing::HasSubstr;

class sealed_copy : public ::testing::Test {
protected:
  static k8s::object part(const std::string& name, const std::string& type,
                          const std::string& sealed) {
    return *k8s::object::parse(R"({"apiVersion":"v1","kind":"Secret","type":")" + type +
                               R"(","metadata":{"name":")" + name + R"(","namespace":"copies"},)" +
                               R"("data":{"sealed":")" + base::to_base64(sealed) + R"("}})");
  }
  std::string sealed_for(const std::string& node) {
    return *sealer_.seal("{}", copy_, {{node, *base::public_key_of(ours_.private_key)}});
  }

  base::sealer sealer_ = *base::sealer::make();
  const std::string copy_ = pull_secret_copy("team", "login");
  const std::string type_{pull_secret_type};
  const pull_logins::sealed_copies ours_{"copies", "worker-1", *base::make_private_key()};
};

TEST_F(sealed_copy, opens_on_the_node_that_it_is_sealed_for) {
  EXPECT_EQ(open_copy(part(copy_, type_, sealed_for("worker-1")), ours_), "{}");
}

TEST_F(sealed_copy, that_is_not_for_this_node_is_waited_for) {
  auto opened = open_copy(part(copy_, type_, sealed_for("worker-2")), ours_);
  EXPECT_EQ(opened.error().code, errc::unavailable);
  EXPECT_THAT(opened.error().message, HasSubstr("not sealed for 'worker-1'"));
}

TEST_F(sealed_copy, under_another_name_does_not_open) {
  auto other = pull_secret_copy("team", "other");
  EXPECT_EQ(open_copy(part(other, type_, sealed_for("worker-1")), ours_).error().code,
            errc::unavailable);
}

TEST_F(sealed_copy, of_an_earlier_operator_is_not_used_and_said) {
  auto opened = open_copy(part(copy_, "kubernetes.io/dockerconfigjson", "{}"), ours_);
  EXPECT_EQ(opened.error().code, errc::unavailable);
  EXPECT_THAT(opened.error().message, HasSubstr("operator of another version"));
}

TEST(pull_logins, never_run_programs_that_a_secret_names) {
  auto logins = oci::credential_store::parse_pull_secret(
      R"({"auths":{"quay.io":{"username":"u","password":"p"}},"credsStore":"evil"})");
  ASSERT_TRUE(logins) << logins.error().message;
  auto known = logins->find({"quay.io", "a/b", "latest", {}});
  ASSERT_TRUE(known && *known);
  EXPECT_EQ((*known)->username, "u");
  auto other = logins->find({"ghcr.io", "a/b", "latest", {}});
  ASSERT_TRUE(other) << "a helper was asked: " << other.error().message;
  EXPECT_FALSE(*other);
}

TEST(pull_logins, read_both_kinds_of_secret) {
  auto old =
      oci::credential_store::parse_pull_secret(R"({"quay.io":{"username":"u","password":"p"}})");
  ASSERT_TRUE(old);
  EXPECT_TRUE(*old->find({"quay.io", "a/b", "latest", {}}));
}

class pull_secret_key : public ::testing::Test {
protected:
  std::string key() { return *own_pull_secret_key(where_); }

  support::temp_dir dir_;
  const paths where_ = paths::below(dir_.path());
};

TEST_F(pull_secret_key, lasts_and_is_the_agents_alone) {
  auto first = key();
  EXPECT_EQ(first.size(), base::sealing_key_bytes);
  EXPECT_EQ(key(), first);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(where_.pull_secret_key()).permissions(),
            perms::owner_read | perms::owner_write);
}

TEST_F(pull_secret_key, that_is_lost_or_damaged_is_made_anew) {
  auto first = key();
  std::ofstream(where_.pull_secret_key()) << "half";
  auto second = key();
  EXPECT_NE(second, first);
  EXPECT_EQ(key(), second);
  std::filesystem::remove(where_.pull_secret_key());
  EXPECT_NE(key(), second);
}

TEST_F(pull_secret_key, that_cannot_be_kept_works_until_the_end) {
  std::ofstream(where_.root / "store") << "a file is in the way";
  EXPECT_EQ(key().size(), base::sealing_key_bytes);
}

}  // namespace
}  // namespace gkm::node
