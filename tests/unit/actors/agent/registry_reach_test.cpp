#include "actors/agent/registry_reach.hpp"

#include "net/http.hpp"
#include "oci/registry/registry_settings.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/private_mounts.hpp"
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

namespace gkm::node {
namespace {

using support::cache_image;
using support::fault_server;
using support::image_registry;
using support::reply;
using support::seen_request;

/// Names that are looked up as everywhere, but in a file of the test's own.
class own_hosts {
public:
  explicit own_hosts(const std::string& lines) {
    support::write_whole(folder_ / "hosts", lines);
    mounted_ = support::have_private_mounts() &&
               ::mount((folder_ / "hosts").c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) == 0;
  }
  ~own_hosts() {
    if (mounted_) ::umount2("/etc/hosts", MNT_DETACH);
  }
  bool are_known() const { return mounted_; }

private:
  support::temp_dir folder_;
  bool mounted_ = false;
};

class registry_reach : public testing::Test {
protected:
  /// How asking for this image's manifest, then for its layer, ends.
  errc asking(const std::string& image, std::vector<std::string> allowed = {}) {
    net::engine http(registry_engine_options("test", allowed));
    auto source = oci::make_registry_source(http, {}, registry_options({}, allowed));
    auto ref = image_ref::parse(image);
    if (!ref) return ref.error().code;
    auto manifest = source->manifest(*ref, {});
    if (!manifest) return manifest.error().code;
    oci::descriptor layer;
    layer.content = *digest::parse(image_.layer_digest());
    layer.size_bytes = image_.stored_layer().size();
    auto blob = source->blob(*ref, layer, {});
    if (!blob) return blob.error().code;
    auto first = (*blob)->next();
    return first ? errc::none : first.error().code;
  }

  const cache_image image_ = cache_image().layer(support::kernel_layer().finished());
  image_registry registry_{image_};
};

}  // namespace

TEST_F(registry_reach, ends_at_the_nodes_own_neighbourhood) {
  for (const char* host : {"127.0.0.1", "127.9.9.9:5000", "127.1", "0x7f000001:80", "localhost",
                           "LOCALHOST:80", "x.localhost", "169.254.169.254", "0.0.0.0", "224.0.0.1",
                           "[::1]:5000", "[::]", "[fe80::1]", "[::ffff:127.0.0.1]:80"})
    EXPECT_EQ(asking(host + std::string("/a/b:c")), errc::refused) << host;
  EXPECT_EQ(asking(registry_.name()), errc::refused);
  EXPECT_EQ(registry_.server().connections(), 0u);
}

TEST_F(registry_reach, includes_local_hosts_that_are_listed) {
  EXPECT_EQ(asking(registry_.name(), {registry_.server().authority()}), errc::none);
  EXPECT_EQ(asking(registry_.name(), {"127.0.0.1"}), errc::none);
  EXPECT_EQ(asking(registry_.name(), {"127.0.0.1:1"}), errc::refused);
}

TEST_F(registry_reach, follows_settings_and_leaves_what_is_under_way) {
  auto ref = *image_ref::parse(registry_.name());
  reachable_registries all("test", {});
  EXPECT_FALSE(all.open()->manifest(ref, {}));
  all.set({{registry_.server().authority()}, {}});
  auto anybody = all.open();
  auto somebody = all.open(oci::credential_store());
  EXPECT_TRUE(anybody->manifest(ref, {}));
  EXPECT_TRUE(somebody->manifest(ref, {}));
  all.set({});
  EXPECT_TRUE(anybody->manifest(ref, {})) << "it was opened before";
  EXPECT_TRUE(somebody->manifest(ref, {}));
  EXPECT_FALSE(all.open()->manifest(ref, {}));
}

TEST_F(registry_reach, is_judged_by_the_address_that_a_name_has) {
  own_hosts hosts("127.0.0.1 loop.gkm.test\n::1 loop6.gkm.test\n169.254.169.254 meta.gkm.test\n");
  if (!hosts.are_known()) GTEST_SKIP() << "this user may not mount";
  auto port = ":" + std::to_string(registry_.server().port());
  for (const char* name : {"loop.gkm.test", "loop6.gkm.test", "meta.gkm.test"})
    EXPECT_EQ(asking(name + port + "/team/cache:v1"), errc::refused) << name;
  EXPECT_EQ(registry_.server().connections(), 0u);
  EXPECT_EQ(asking("loop.gkm.test" + port + "/team/cache:v1", {"loop.gkm.test" + port}),
            errc::none);
}

TEST_F(registry_reach, is_not_widened_by_redirects_of_layers) {
  fault_server inner([](const seen_request&) { return reply{200, "secret"}; });
  own_hosts hosts("127.0.0.1 loop.gkm.test\n");
  std::vector<std::string> places{inner.url("/x"), "http://169.254.169.254/latest/meta-data",
                                  "http://[::ffff:169.254.169.254]/"};
  if (hosts.are_known())
    places.push_back("https://loop.gkm.test:" + std::to_string(inner.port()) + "/x");
  for (const auto& place : places) {
    registry_.interfere([&](const seen_request& r, const reply&) -> std::optional<reply> {
      if (r.path().find("/blobs/") == std::string::npos) return std::nullopt;
      return reply::redirect(307, place);
    });
    EXPECT_EQ(asking(registry_.name(), {registry_.server().authority()}), errc::refused) << place;
  }
  EXPECT_EQ(inner.connections(), 0u);
}

TEST_F(registry_reach, is_not_widened_by_token_realms) {
  fault_server inner([](const seen_request&) { return reply{200, R"({"token":"t"})"}; });
  registry_.interfere([&](const seen_request&, const reply&) -> std::optional<reply> {
    return reply{401, "who?", {{"WWW-Authenticate", "Bearer realm=\"" + inner.url("/t") + "\""}}};
  });
  EXPECT_EQ(asking(registry_.name(), {registry_.server().authority()}), errc::refused);
  EXPECT_EQ(inner.connections(), 0u);
}

}  // namespace gkm::node
