#include "gpus/kernels/targets.hpp"
#include "sample/target.hpp"
#include "sample/triton_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

namespace gkm::sample {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::SizeIs;

class sample_cache_test : public testing::Test {
protected:
  sample_cache_test() {
    auto name = (fs::temp_directory_path() / "gkm-sample-XXXXXX").string();
    dir_ = ::mkdtemp(name.data());
  }
  ~sample_cache_test() override { fs::remove_all(dir_); }

  cache_made write(const std::string& name, std::string_view target, cache_plan plan = {}) {
    plan.root = "/home/alice/.triton/cache";
    plan.target = parse_target(target).value();
    return write_triton_cache(dir_ / name, plan).value();
  }
  std::map<std::string, std::string> contents(const std::string& name) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(dir_ / name))
      if (entry.is_regular_file()) {
        std::ifstream in(entry.path(), std::ios::binary);
        files[entry.path().lexically_relative(dir_ / name)] =
            std::string(std::istreambuf_iterator<char>(in), {});
      }
    return files;
  }

  fs::path dir_;
};

}  // namespace

// The demo stands on this: what a sample cache was made for is what is read from its kernels.
TEST_F(sample_cache_test, kernels_tell_the_target_asked_for) {
  for (const std::string name : {"gfx90a", "gfx942", "sm_75", "sm_90a"}) {
    write(name, name);
    auto report = gpus::scan_directory(dir_ / name);
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_THAT(report->targets, SizeIs(1)) << name;
    EXPECT_TRUE(report->targets[0].str().starts_with(name)) << report->targets[0].str();
    EXPECT_THAT(report->problems, IsEmpty()) << name;
  }
}

TEST_F(sample_cache_test, same_plan_same_bytes_other_seed_other_bytes) {
  write("a", "gfx90a");
  write("b", "gfx90a");
  cache_plan other;
  other.seed = 2;
  write("c", "gfx90a", other);
  EXPECT_EQ(contents("a"), contents("b"));
  EXPECT_NE(contents("a"), contents("c"));
}

TEST_F(sample_cache_test, size_is_about_what_was_asked_for) {
  cache_plan plan;
  plan.kernels = 20;
  plan.bytes = 2'000'000;
  auto made = write("a", "sm_75", plan);
  uint64_t bytes = 0;
  for (const auto& [name, content] : contents("a")) bytes += content.size();
  EXPECT_EQ(made.bytes, bytes);
  EXPECT_EQ(made.files, contents("a").size());
  EXPECT_NEAR(static_cast<double>(bytes), 2e6, 1e5);
}

TEST_F(sample_cache_test, unknown_target_is_refused_by_name) {
  auto target = parse_target("gfx1");
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, errc::invalid_argument);
  EXPECT_THAT(target.error().message, testing::HasSubstr("'gfx1'"));
}

}  // namespace gkm::sample
