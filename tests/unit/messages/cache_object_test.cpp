#include "messages/cache_object.hpp"

#include "messages/actors/caf.hpp"
#include "messages/node_report.hpp"

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <gtest/gtest.h>

namespace gkm {

TEST(conditions, keep_the_time_of_a_status_that_stays) {
  std::vector<condition> all;
  set_condition(all, {"Ready", condition_status::no, "Pending", "a", 1, 100});
  set_condition(all, {"Ready", condition_status::no, "Pending", "b", 2, 200});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].message, "b");
  EXPECT_EQ(all[0].changed_unix_s, 100);
  set_condition(all, {"Ready", condition_status::yes, "Extracted", "", 2, 300});
  EXPECT_EQ(find_condition(all, "Ready")->changed_unix_s, 300);
  EXPECT_EQ(find_condition(all, "Verified"), nullptr);
}

TEST(conditions, know_three_statuses) {
  for (auto s : {condition_status::unknown, condition_status::no, condition_status::yes})
    EXPECT_EQ(parse_condition_status(to_string(s)), s);
  EXPECT_FALSE(parse_condition_status("true"));
}

TEST(group_gpus, puts_alike_ones_together) {
  gpu a;
  a.name = "A";
  auto b = a;
  b.id = 1;
  b.name = "B";
  auto c = a;
  c.id = 2;
  EXPECT_EQ(group_gpus({a, b, c}), (std::vector<gpu_group>{{"A", "", {0, 2}}, {"B", "", {1}}}));
}

TEST(cluster_values, can_be_messages) {
  caf::actor_system_config cfg;
  caf::actor_system system(cfg);
  cache_object cache;
  cache.ref = {"ns", "x"};
  cache.status.conditions = {{"Ready", condition_status::yes, "Extracted", "", 1, 2}};
  node_report report;
  report.caches["x"][{std::string(64, 'a')}].pods = {{"ns", "pod", "v"}};
  caf::binary_serializer::container_type bytes;
  caf::binary_serializer sink(system, bytes);
  ASSERT_FALSE(sink(cache, report));
  cache_object cache_again;
  node_report report_again;
  caf::binary_deserializer source(system, bytes);
  ASSERT_FALSE(source(cache_again, report_again));
  EXPECT_EQ(cache_again, cache);
  EXPECT_EQ(report_again, report);
}

}  // namespace gkm
