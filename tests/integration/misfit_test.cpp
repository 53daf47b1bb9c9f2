// Caches for other GPUs: declined by their label before the transfer, by their kernels after it.
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gkm::support {
namespace {

using testing::HasSubstr;

constexpr uint8_t gfx90a = 0x3f;
constexpr uint8_t gfx942 = 0x4c;

cache_image kernels_for(uint8_t machine) {
  return cache_image().layer(kernel_layer(machine, 1000).finished());
}

class misfit : public testing::Test {
protected:
  workbench bench_;
};

TEST_F(misfit, that_the_label_tells_is_not_downloaded) {
  auto image = kernels_for(gfx942).claims("hip", "gfx942");
  image_registry registry(image);
  auto up = bench_.up();
  bench_.want("c", registry.name());
  auto s = bench_.wait_error("c", errc::incompatible);
  EXPECT_THAT(s.message, HasSubstr("gfx942"));
  EXPECT_THAT(s.message, HasSubstr("gfx90a"));
  EXPECT_EQ(registry.blob_requests(image.layer_digest()), 0U);
  bench_.wait_store(0);
}

TEST_F(misfit, that_only_the_kernels_tell_is_found_after_the_transfer) {
  auto image = kernels_for(gfx942);
  image_registry registry(image);
  auto up = bench_.up();
  bench_.want("c", registry.name());
  auto s = bench_.wait_error("c", errc::incompatible);
  EXPECT_THAT(s.message, HasSubstr("gfx942"));
  EXPECT_EQ(s.path, "");
  bench_.wait_store(0);
}

TEST_F(misfit, whose_label_lies_is_found_too) {
  auto image = kernels_for(gfx942).claims("hip", "gfx90a");
  image_registry registry(image);
  auto up = bench_.up();
  bench_.want("c", registry.name());
  EXPECT_THAT(bench_.wait_error("c", errc::incompatible).message, HasSubstr("gfx942"));
  bench_.wait_store(0);
}

TEST_F(misfit, of_a_lying_label_alone_is_a_warning) {
  auto image = kernels_for(gfx90a).layer(tests::tar_builder()
                                             .directory("io.triton.cache/")
                                             .file("io.triton.cache/other", "x")
                                             .finished());
  image.claims("cuda", "sm_12.9");
  image_registry registry(image);
  auto up = bench_.up();
  bench_.want("c", registry.name());
  auto s = bench_.wait_ready("c");
  ASSERT_FALSE(s.warnings.empty());
  EXPECT_THAT(s.warnings.front(), HasSubstr("sm_12.9"));
  EXPECT_THAT(bench_.gkm({"status"}).out, HasSubstr("Warning"));
}

TEST_F(misfit, ends_when_the_right_gpu_comes) {
  auto image = kernels_for(gfx942).claims("hip", "gfx942");
  image_registry registry(image);
  auto file = bench_.root() / "gpus.json";
  auto inventory = [&](const std::string& arch) {
    write_whole(bench_.root() / "next",
                R"({"gpus":[{"id":0,"backend":"hip","arch":")" + arch + R"("}]})");
    std::filesystem::rename(bench_.root() / "next", file);
  };
  inventory("gfx90a");
  auto up = bench_.up({"--gpu-inventory", file});
  bench_.want("c", registry.name());
  bench_.wait_error("c", errc::incompatible);
  inventory("gfx942");
  bench_.wait_ready("c");
  inventory("gfx90a");
  bench_.wait_error("c", errc::incompatible);
  bench_.wait_store(0);
}

}  // namespace
}  // namespace gkm::support
