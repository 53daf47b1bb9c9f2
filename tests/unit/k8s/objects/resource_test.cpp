#include "k8s/objects/resource.hpp"

#include <gtest/gtest.h>

namespace gkm::k8s {

TEST(resource, has_the_paths_of_the_api) {
  EXPECT_EQ(gkm_caches.collection(), "/apis/gkm.io/v1alpha1/gkmcaches");
  EXPECT_EQ(gkm_caches.collection("default"), "/apis/gkm.io/v1alpha1/namespaces/default/gkmcaches");
  EXPECT_EQ(gkm_caches.path({"default", "vector-add"}, "status"),
            "/apis/gkm.io/v1alpha1/namespaces/default/gkmcaches/vector-add/status");
  EXPECT_EQ(pods.path({"a", "b"}), "/api/v1/namespaces/a/pods/b");
  EXPECT_EQ(nodes.path({"", "worker-1"}), "/api/v1/nodes/worker-1");
  EXPECT_EQ(gkm_caches.api_version(), "gkm.io/v1alpha1");
  EXPECT_EQ(pods.api_version(), "v1");
}

TEST(resource, a_name_cannot_leave_its_place) {
  EXPECT_EQ(secrets.path({"a/../b", "x?y#z%"}),
            "/api/v1/namespaces/a%2F..%2Fb/secrets/x%3Fy%23z%25");
}

TEST(resource, follows_the_scope_of_a_cache) {
  EXPECT_EQ(caches_like({"ns", "x"}).kind, "GKMCache");
  EXPECT_EQ(caches_like({"", "x"}).kind, "ClusterGKMCache");
  EXPECT_EQ(reports_in("ns").kind, "GKMCacheNode");
  EXPECT_EQ(reports_in("").kind, "ClusterGKMCacheNode");
}

}  // namespace gkm::k8s
