// What `gkm up` lets the caches of one namespace take.
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gkm::support {

using testing::AllOf;
using testing::HasSubstr;

TEST(disk_budget_of_up, is_told_to_who_is_over_it_and_to_nobody_else) {
  workbench bench;
  auto layout = bench.root() / "layout";
  write_layout(layout, "big", cache_image().layer(kernel_layer(0x3f, 8 << 20).finished()));
  write_layout(layout, "small", cache_image().layer(kernel_layer(0x3f, 10'000).finished()));
  auto up = bench.up({"--store-namespace-size", "4Mi"});
  bench.want("big", "oci:" + layout.string() + ":big");
  bench.write_file("small.yaml",
                   "apiVersion: gkm.io/v1alpha1\nkind: GKMCache\nmetadata:\n  name: small\n"
                   "  namespace: other\nspec:\n  image: oci:" +
                       layout.string() + ":small\n");
  auto refused = bench.wait_error("big", errc::limit_exceeded);
  EXPECT_THAT(refused.message,
              AllOf(HasSubstr("namespace 'default'"), HasSubstr("--store-namespace-size 4Mi")));
  EXPECT_GT(refused.retry_unix_s, 0) << "there may be room by then";
  EXPECT_EQ(bench.wait_ready("small").ref.ns, "other");
  bench.wait_store(1);
  bench.want("modest", "oci:" + layout.string() + ":small");
  bench.wait_ready("modest");
  EXPECT_EQ(bench.stored().size(), 1u);
  EXPECT_THAT(bench.gkm({"status", "big", "-o", "json"}).out,
              HasSubstr("--store-namespace-size 4Mi"));
}

}  // namespace gkm::support
