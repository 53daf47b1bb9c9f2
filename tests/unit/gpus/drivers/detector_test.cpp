#include "gpus/drivers/detector.hpp"

#include "tests/support/gpu_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <mutex>

namespace gkm::gpus {
namespace {

using namespace std::chrono_literals;
using support::gpu_machine;
using testing::ElementsAre;
using testing::HasSubstr;

class detecting : public testing::Test {
protected:
  void SetUp() override {
    ::setenv(gpu_machine::nvidia_variable_name, machine_.nvidia_variable().c_str(), 1);
  }
  void TearDown() override { ::unsetenv(gpu_machine::nvidia_variable_name); }
  driver_places places() const { return {machine_.root(), gpu_machine::nvidia_library()}; }

  static std::vector<std::pair<int32_t, std::string>> archs(const detected_gpus& found) {
    std::vector<std::pair<int32_t, std::string>> all;
    for (const auto& g : found.gpus) all.emplace_back(g.id, g.arch);
    return all;
  }

  gpu_machine machine_;
};

TEST_F(detecting, finds_nothing_where_nothing_is) {
  auto found = detector({machine_.root(), "libnvidia-ml-of-nobody.so.1"}).look();
  EXPECT_TRUE(found.gpus.empty());
  EXPECT_TRUE(found.drivers.empty());
  EXPECT_TRUE(found.problems.empty());
}

TEST_F(detecting, puts_both_vendors_into_one_list) {
  machine_.add_amd_gpu(1);
  machine_.add_unreadable_amd_gpu(2);
  machine_.nvidia("archs", "9.0");
  auto found = detector(places()).look();
  EXPECT_THAT(found.drivers, ElementsAre("AMD", "NVIDIA"));
  EXPECT_THAT(archs(found), ElementsAre(std::pair(1, "gfx90a"), std::pair(2, "90")));
  EXPECT_EQ(found.problems.size(), 1U);
}

TEST_F(detecting, lets_a_failing_driver_spoil_nothing) {
  machine_.add_amd_gpu(1);
  machine_.nvidia("status", "9");
  auto found = detector(places()).look();
  EXPECT_THAT(archs(found), ElementsAre(std::pair(0, "gfx90a")));
  EXPECT_THAT(found.problems, ElementsAre(HasSubstr("Driver Not Loaded")));
}

TEST_F(detecting, lets_a_hung_driver_spoil_nothing) {
  machine_.add_amd_gpu(1);
  machine_.nvidia("archs", "9.0");
  std::promise<void> late;
  std::once_flag once;
  detector drivers(places(), 2s, [&] { std::call_once(once, [&] { late.set_value(); }); });
  EXPECT_EQ(drivers.look().gpus.size(), 2U);

  // What it told before it hung is believed on.
  machine_.nvidia("hang", "");
  machine_.nvidia("archs", "8.0 8.9");
  auto hung = drivers.look();
  EXPECT_THAT(archs(hung), ElementsAre(std::pair(0, "gfx90a"), std::pair(1, "90")));
  EXPECT_THAT(hung.problems, ElementsAre(HasSubstr("did not answer within 2 s")));

  machine_.nvidia_without("hang");
  late.get_future().wait();
  auto well = drivers.look();
  EXPECT_THAT(archs(well),
              ElementsAre(std::pair(0, "gfx90a"), std::pair(1, "89"), std::pair(2, "80")));
  EXPECT_TRUE(well.problems.empty());
}

}  // namespace
}  // namespace gkm::gpus
