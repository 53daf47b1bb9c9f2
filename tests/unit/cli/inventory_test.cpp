#include "gpus/inventory.hpp"

#include "actors/node/ports.hpp"
#include "cli/options.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/gpu_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace gkm::cli {
namespace {

using support::gpu_machine;
using testing::HasSubstr;

class finding_gpus : public testing::Test {
protected:
  void SetUp() override {
    ::unsetenv("NO_GPU");
    ::setenv(gpu_machine::nvidia_variable_name, machine_.nvidia_variable().c_str(), 1);
    places_.node_file = machine_.root() / "gpus.json";
    places_.root = machine_.root();
    places_.nvml = gpu_machine::nvidia_library();
  }
  void TearDown() override {
    ::unsetenv("NO_GPU");
    ::unsetenv(gpu_machine::nvidia_variable_name);
  }
  std::string arch(const options& o = {}) const {
    auto found = find_inventory(o, places_);
    return found && !found->gpus.empty() ? found->gpus[0].arch : "";
  }

  gpu_machine machine_;
  inventory_places places_;
};

TEST_F(finding_gpus, believes_the_first_who_tells) {
  machine_.nvidia("archs", "9.0");
  EXPECT_EQ(arch(), "90");
  support::write_whole(places_.node_file,
                       R"({"gpus": [{"id": 0, "backend": "cuda", "arch": "80"}]})");
  EXPECT_EQ(arch(), "80");
  ::setenv("NO_GPU", "true", 1);
  EXPECT_EQ(arch(), "gfx90a");
  options given;
  given.gpu_inventory = machine_.root() / "given.json";
  support::write_whole(given.gpu_inventory,
                       R"({"gpus": [{"id": 0, "backend": "cuda", "arch": "75"}]})");
  EXPECT_EQ(arch(given), "75");
}

TEST_F(finding_gpus, says_that_they_are_detected) {
  machine_.add_amd_gpu(1);
  auto found = find_inventory({}, places_);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(found->origin, HasSubstr("detected"));
  std::vector<gpu> heard;
  found->port->watch([&](result<std::vector<gpu>> gpus) { heard = gpus.value(); });
  EXPECT_EQ(heard, found->gpus);
}

TEST_F(finding_gpus, names_every_way_out_when_nothing_tells) {
  machine_.nvidia("status", "9");
  auto found = find_inventory({}, places_);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, errc::not_found);
  for (const auto& what :
       {"'" + places_.node_file.string() + "'", std::string("Driver Not Loaded"),
        std::string("gkm-gpu"), std::string("--gpu-inventory"), std::string("NO_GPU")})
    EXPECT_THAT(found.error().message, HasSubstr(what));
}

TEST_F(finding_gpus, does_not_guess_past_a_broken_file) {
  machine_.nvidia("archs", "9.0");
  support::write_whole(places_.node_file, "{");
  EXPECT_FALSE(find_inventory({}, places_));
}

}  // namespace
}  // namespace gkm::cli
