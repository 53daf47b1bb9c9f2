#include "gpus/drivers/nvml.hpp"

#include "tests/support/gpu_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace gkm::gpus {
namespace {

using support::gpu_machine;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

class nvml : public testing::Test {
protected:
  void SetUp() override {
    ::setenv(gpu_machine::nvidia_variable_name, machine_.nvidia_variable().c_str(), 1);
  }
  void TearDown() override { ::unsetenv(gpu_machine::nvidia_variable_name); }
  source_report scan() const { return scan_nvml(gpu_machine::nvidia_library()); }

  gpu_machine machine_;
};

TEST_F(nvml, is_absent_without_its_library) {
  for (const auto* name : {"libnvidia-ml-of-nobody.so.1", "/nonexistent/libnvidia-ml.so.1"}) {
    auto found = scan_nvml(name);
    EXPECT_FALSE(found.present);
    EXPECT_TRUE(found.problems.empty());
  }
}

TEST_F(nvml, tells_everything_that_the_library_does) {
  machine_.nvidia("archs", "9.0 12.1");
  auto found = scan();
  EXPECT_TRUE(found.present);
  EXPECT_EQ(found.count, 2);
  EXPECT_THAT(found.problems, ElementsAre());
  // In the order of the bus, not of the library.
  EXPECT_THAT(found.gpus, ElementsAre(gpu{0, "cuda", "121", "NVIDIA Stand-in 12.1", "GPU-1",
                                          "570.86.15", 32, feature::unstated, feature::unstated},
                                      gpu{1, "cuda", "90", "NVIDIA Stand-in 9.0", "GPU-0",
                                          "570.86.15", 32, feature::unstated, feature::unstated}));
}

TEST_F(nvml, may_have_no_gpu) {
  machine_.nvidia("archs", "");
  auto found = scan();
  EXPECT_TRUE(found.present);
  EXPECT_TRUE(found.gpus.empty());
  EXPECT_TRUE(found.problems.empty());
}

TEST_F(nvml, says_why_the_driver_fails) {
  machine_.nvidia("archs", "9.0");
  machine_.nvidia("status", "9");
  auto found = scan();
  EXPECT_TRUE(found.present);
  EXPECT_TRUE(found.gpus.empty());
  EXPECT_THAT(found.problems, ElementsAre(HasSubstr("Driver Not Loaded")));
}

TEST_F(nvml, keeps_the_number_of_a_lost_gpu_free) {
  machine_.nvidia("archs", "8.0 8.9 9.0");
  machine_.nvidia("lost", "1");
  auto found = scan();
  EXPECT_EQ(found.count, 3);
  ASSERT_EQ(found.gpus.size(), 2U);
  EXPECT_EQ(found.gpus[0].id, 0);
  EXPECT_EQ(found.gpus[0].arch, "90");
  EXPECT_EQ(found.gpus[1].id, 2);
  EXPECT_EQ(found.gpus[1].arch, "80");
  EXPECT_THAT(found.problems, ElementsAre(HasSubstr("GPU is lost")));
}

TEST_F(nvml, cleans_strange_names) {
  machine_.nvidia("archs", "9.0");
  machine_.nvidia("strange", "");
  auto found = scan();
  ASSERT_EQ(found.gpus.size(), 1U);
  for (const auto& text : {found.gpus[0].name, found.gpus[0].uuid, found.gpus[0].driver_version}) {
    EXPECT_LT(text.size(), 128U);
    EXPECT_THAT(text, Each('?'));
  }
}

TEST_F(nvml, believes_no_senseless_numbers) {
  machine_.nvidia("archs", "9.10 0.0 900.0 -1.5");
  auto senseless = scan();
  EXPECT_TRUE(senseless.gpus.empty());
  EXPECT_EQ(senseless.problems.size(), 4U);
  machine_.nvidia("archs", "9.0");
  machine_.nvidia("count", "4000000000");
  auto many = scan();
  EXPECT_EQ(many.gpus.size(), 1U);
  EXPECT_EQ(many.count, static_cast<int32_t>(max_gpus_per_source));
  EXPECT_THAT(many.problems[0], HasSubstr("4000000000"));
}

TEST_F(nvml, refuses_what_is_no_such_library) {
  machine_.write("text.so", "no library");
  auto text = scan_nvml(machine_.root() / "text.so");
  EXPECT_TRUE(text.present);
  EXPECT_THAT(text.problems, ElementsAre(HasSubstr("text.so'")));
  auto other = scan_nvml("libc.so.6");
  EXPECT_TRUE(other.present);
  EXPECT_THAT(other.problems, ElementsAre(HasSubstr("nvmlInit_v2")));
}

}  // namespace
}  // namespace gkm::gpus
