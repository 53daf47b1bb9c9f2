#include "actors/node/cluster/registry_guard.hpp"

#include <gtest/gtest.h>

namespace gkm::node {
namespace {

class no_source : public oci::source {
public:
  result<oci::fetched_manifest> manifest(const image_ref&, std::stop_token) override {
    return fail(errc::not_found, "asked");
  }
  result<std::unique_ptr<base::byte_stream>> blob(const image_ref&, const oci::descriptor&,
                                                  std::stop_token) override {
    return fail(errc::not_found, "asked");
  }
};

errc asking(const std::string& host, std::vector<std::string> allowed = {}) {
  auto source = guarded(std::make_unique<no_source>(), std::move(allowed));
  return source->manifest({host, "a/b", "latest", {}}, {}).error().code;
}

}  // namespace

TEST(registry_guard, knows_the_nodes_own_neighbourhood) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:5000", "127.9.9.9", "127.1", "0x7f000001",
                           "localhost", "LOCALHOST:80", "x.localhost", "169.254.169.254", "0.0.0.0",
                           "[::1]:5000", "[::]", "[fe80::1]", "[::ffff:127.0.0.1]:80"})
    EXPECT_TRUE(is_node_local(host)) << host;
  for (const char* host : {"quay.io", "10.0.0.1:5000", "localhost.example.com", "128.0.0.1",
                           "[2001:db8::1]:5000", "127.example.com", "docker.io"})
    EXPECT_FALSE(is_node_local(host)) << host;
}

TEST(registry_guard, lets_through_what_is_allowed_by_name) {
  EXPECT_EQ(asking("127.0.0.1:5000"), errc::refused);
  EXPECT_EQ(asking("127.0.0.1:5000", {"127.0.0.1:5000"}), errc::not_found);
  EXPECT_EQ(asking("127.0.0.1:5000", {"127.0.0.1"}), errc::not_found);
  EXPECT_EQ(asking("127.0.0.1:5000", {"127.0.0.1:5001"}), errc::refused);
  EXPECT_EQ(asking("quay.io"), errc::not_found);
}

}  // namespace gkm::node
