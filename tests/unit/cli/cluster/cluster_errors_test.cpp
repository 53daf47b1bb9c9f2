#include "cli/cluster/cluster_errors.hpp"

#include "k8s/config.hpp"
#include "k8s/objects/resource.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gkm::cli {

TEST(explain, names_what_was_asked_where_and_what_helps) {
  struct answer {
    error cause;
    const k8s::resource& what;
    std::string ns;
    std::vector<std::string> parts;
  };
  const error forbidden{errc::unauthorized, "the API server answered 403: no", {}};
  const std::vector<answer> table{
      {forbidden,
       k8s::gkm_caches,
       "team",
       {"GKMCaches in namespace 'team'", "RoleBinding in 'team'"}},
      {forbidden, k8s::gkm_cache_nodes, "", {"all namespaces", "a ClusterRoleBinding", "-n"}},
      {forbidden, k8s::cluster_gkm_caches, "", {"ClusterGKMCaches: ", "'gkm-view'"}},
      {{errc::unauthorized, "the API server answered 401: Unauthorized", {}},
       k8s::gkm_caches,
       "team",
       {"does not accept the credentials of context 'a'", "log in"}},
      {{errc::not_found, "the API server answered 404", {}},
       k8s::gkm_caches,
       "team",
       {"'https://c:6443'", "'make deploy'"}},
      {{errc::unavailable, "Connection refused", {}},
       k8s::gkm_caches,
       "team",
       {"'https://c:6443'", "Connection refused", "--context"}},
      {{errc::malformed, "not valid JSON", {}},
       k8s::gkm_caches,
       "team",
       {"Failed to read GKMCaches", "not valid JSON"}},
  };
  k8s::config where;
  where.server = "https://c:6443";
  where.origin = "context 'a'";
  for (const auto& row : table) {
    auto said = explain(row.cause, row.what, row.ns, where);
    EXPECT_EQ(said.code, row.cause.code);
    for (const auto& part : row.parts) EXPECT_THAT(said.message, testing::HasSubstr(part));
  }
}

}  // namespace gkm::cli
