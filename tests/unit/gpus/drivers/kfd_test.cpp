#include "gpus/drivers/kfd.hpp"

#include "gpus/drivers/kfd_properties.hpp"
#include "tests/support/gpu_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gkm::gpus {
namespace {

using support::gpu_machine;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::pair<int32_t, std::string>> archs(const source_report& found) {
  std::vector<std::pair<int32_t, std::string>> all;
  for (const auto& g : found.gpus) all.emplace_back(g.id, g.arch);
  return all;
}

}  // namespace

TEST(kfd, is_absent_without_its_driver) {
  gpu_machine machine;
  auto found = scan_kfd(machine.root());
  EXPECT_FALSE(found.present);
  EXPECT_EQ(found.count, 0);
  EXPECT_TRUE(found.problems.empty());
}

TEST(kfd, tells_everything_that_the_driver_does) {
  gpu_machine machine;
  machine.add_amd_cpu(0);
  machine.add_amd_gpu(1);
  machine.write("sys/class/drm/renderD129/device/product_name", "AMD Instinct MI210\n");
  machine.write("sys/module/amdgpu/version", "6.10.5\n");
  auto found = scan_kfd(machine.root());
  EXPECT_TRUE(found.present);
  EXPECT_EQ(found.count, 1);
  EXPECT_THAT(found.problems, ElementsAre());
  EXPECT_THAT(found.gpus,
              ElementsAre(gpu{0, "hip", "gfx90a", "AMD Instinct MI210", "GPU-9e3779b97f4a7c15",
                              "6.10.5", 64, feature::unstated, feature::on}));
}

TEST(kfd, makes_do_without_product_and_driver_version) {
  gpu_machine machine;
  machine.add_amd_gpu(1, {{"gfx_target_version", "110000"}, {"unique_id", "0"}});
  machine.write("proc/sys/kernel/osrelease", "6.1.0-13-amd64\n");
  auto found = scan_kfd(machine.root());
  EXPECT_THAT(found.gpus, ElementsAre(gpu{0, "hip", "gfx1100", "AMD gfx1100", "", "6.1.0-13-amd64",
                                          64, feature::unstated, feature::unstated}));
}

TEST(kfd, numbers_gpus_by_their_place_on_the_bus) {
  gpu_machine machine;
  machine.add_amd_gpu(1, {{"domain", "1"}, {"location_id", "0"}});
  machine.add_amd_gpu(2, {{"location_id", "512"}, {"gfx_target_version", "90402"}});
  machine.add_amd_gpu(10, {{"location_id", "256"}, {"gfx_target_version", "100300"}});
  EXPECT_THAT(archs(scan_kfd(machine.root())),
              ElementsAre(std::pair(0, "gfx1030"), std::pair(1, "gfx942"), std::pair(2, "gfx90a")));
}

TEST(kfd, reports_a_gpu_that_it_may_not_read) {
  gpu_machine machine;
  machine.add_unreadable_amd_gpu(1);
  machine.add_amd_gpu(2);
  auto found = scan_kfd(machine.root());
  EXPECT_EQ(found.count, 2);
  EXPECT_EQ(found.gpus.size(), 1U);
  ASSERT_EQ(found.problems.size(), 1U);
  EXPECT_THAT(found.problems[0], HasSubstr("'" + (machine.amd_node(1) / "properties").string()));
  EXPECT_THAT(found.problems[0], HasSubstr("privileged"));
}

TEST(kfd, leaves_out_what_has_no_known_architecture) {
  gpu_machine machine;
  machine.add_amd_gpu(1, {{"gfx_target_version", "0"}});
  machine.add_amd_gpu(2, {{"gfx_target_version", "18446744073709551615"}});
  machine.add_amd_gpu(3);
  auto found = scan_kfd(machine.root());
  EXPECT_THAT(archs(found), ElementsAre(std::pair(2, "gfx90a")));
  EXPECT_EQ(found.problems.size(), 2U);
}

TEST(kfd, survives_hostile_files) {
  gpu_machine machine;
  machine.add_amd_gpu(1, {{"wave_front_size", "4294967360"}});
  machine.write("sys/class/drm/renderD129/device/product_name", "A\x01\xff\nB");
  machine.write("sys/class/kfd/kfd/topology/nodes/2/properties", std::string(1 << 20, 'x'));
  machine.write("sys/class/kfd/kfd/topology/nodes/3/properties",
                "simd_count\nsimd_count -1\n 7\n\n");
  machine.write("sys/class/kfd/kfd/topology/nodes/notes", "");
  auto found = scan_kfd(machine.root());
  ASSERT_EQ(found.gpus.size(), 1U);
  EXPECT_EQ(found.gpus[0].name, "A??");
  EXPECT_EQ(found.gpus[0].warp_size, 0U);
  EXPECT_EQ(found.problems.size(), 1U);
}

TEST(kfd_properties, writes_versions_as_compilers_do) {
  EXPECT_EQ(gfx_name(90010), "gfx90a");
  EXPECT_EQ(gfx_name(90012), "gfx90c");
  EXPECT_EQ(gfx_name(90402), "gfx942");
  EXPECT_EQ(gfx_name(100306), "gfx1036");
  EXPECT_EQ(gfx_name(120001), "gfx1201");
  for (uint64_t wrong : {0UL, 90016UL, 91600UL, 9UL, 100'000'000UL, UINT64_MAX})
    EXPECT_EQ(gfx_name(wrong), "") << wrong;
}

TEST(kfd_properties, states_sramecc_where_there_is_one) {
  constexpr uint64_t guarded = 0x0400'0000;
  EXPECT_EQ(sramecc_of("gfx90a", guarded), feature::on);
  EXPECT_EQ(sramecc_of("gfx90a", ~guarded), feature::off);
  EXPECT_EQ(sramecc_of("gfx1100", guarded), feature::unstated);
  EXPECT_EQ(sramecc_of("gfx9999", guarded), feature::unstated);
}

}  // namespace gkm::gpus
