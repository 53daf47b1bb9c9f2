#include "oci/registry/registry_settings.hpp"

#include "base/program/log.hpp"
#include "net/http.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/registry/certificates.hpp"
#include "tests/support/registry/fault_server.hpp"
#include "tests/support/temp_dir.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <optional>

namespace gkm::oci {
namespace {

namespace fs = std::filesystem;
using support::write_whole;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(registry_hosts, stand_between_commas_or_white_space) {
  EXPECT_THAT(*parse_registry_hosts(" a.example,b:5000\n[::1]:80 "),
              ElementsAre("a.example", "b:5000", "[::1]:80"));
  EXPECT_THAT(*parse_registry_hosts(""), IsEmpty());
  for (const char* wrong : {"http://a", "a/b", "a;b"}) {
    auto parsed = parse_registry_hosts(wrong);
    ASSERT_FALSE(parsed) << wrong;
    EXPECT_THAT(parsed.error().message, HasSubstr(wrong));
  }
}

class followed : public testing::Test {
protected:
  followed() { base::log::configure(base::log::level::off, false); }
  void follow() {
    all_.emplace(registry_settings{{"flag"}, {}}, folder_ / "config", folder_ / "ca",
                 [this](const registry_settings&) { ++told_; });
  }
  bool becomes(const std::vector<std::string>& hosts, const fs::path& ca) {
    return support::eventually("it is so", [&] {
      return all_->now() == registry_settings{hosts, ca.string()};
    });
  }

  support::temp_dir folder_;
  std::atomic<int> told_ = 0;
  std::optional<followed_registries> all_;
};

TEST_F(followed, settings_are_used_as_they_come_and_go) {
  follow();
  EXPECT_EQ(all_->now(), (registry_settings{{"flag"}, ""}));
  fs::create_directories(folder_ / "config");
  write_whole(folder_ / "config" / plain_http_key, "one,two\n");
  EXPECT_TRUE(becomes({"flag", "one", "two"}, ""));
  support::test_ca authority(folder_.path(), "authority");
  fs::create_directories(folder_ / "ca");
  fs::copy_file(authority.certificate_file(), folder_ / "ca/ca.crt");
  EXPECT_TRUE(becomes({"flag", "one", "two"}, folder_ / "ca/ca.crt"));
  write_whole(folder_ / "config" / plain_http_key, "http://nonsense");
  write_whole(folder_ / "ca/ca.crt", "nonsense");
  EXPECT_TRUE(becomes({"flag", "one", "two"}, "")) << "no request is to fail for it";
  fs::remove(folder_ / "config" / plain_http_key);
  EXPECT_TRUE(becomes({"flag"}, ""));
  EXPECT_EQ(told_, 4);
}

TEST(cluster_source, names_the_setting_that_helps) {
  support::fault_server server([](const support::seen_request&) { return support::reply{}; });
  net::engine_options strict;
  strict.local_addresses = false;
  strict.local_hosts = {server.authority()};
  registry_options options;
  options.trust_loopback = false;
  options.attempts = 1;
  for (bool hide : {false, true}) {
    strict.hide_causes = hide;
    net::engine http(strict);
    auto source = make_cluster_source(http, {}, options);
    auto got = source->manifest(*image_ref::parse(server.authority() + "/a:b"), {});
    ASSERT_FALSE(got);
    EXPECT_THAT(got.error().message, HasSubstr("gkm-config as gkm.registry.plain-http")) << hide;
  }
}

}  // namespace
}  // namespace gkm::oci
