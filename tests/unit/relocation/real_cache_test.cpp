// Caches as Triton and vLLM left them: what is rewritten must lead to what is there.
#include "base/files.hpp"
#include "relocation/apply.hpp"
#include "relocation/index_format.hpp"
#include "relocation/scan.hpp"
#include "tests/support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace gkm::relocation {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

fs::path fixture(const std::string& name) {
  const char* set = std::getenv("GKM_FIXTURES");
  const auto beside_the_repository =
      fs::path(__FILE__).parent_path() / "../../../../shared/fixtures";
  return (set ? fs::path(set) : beside_the_repository) / name;
}

struct outcome {
  uint64_t files = 0;
  uint64_t dead_before = 0;  ///< paths in the index files that do not exist
  uint64_t dead = 0;
  uint64_t alive = 0;
};

/// A copy of a cache, relocated to where the copy lies.
class moved_cache {
public:
  explicit moved_cache(const std::string& name) {
    fs::copy(fixture(name), home(), fs::copy_options::recursive);
    auto index = find_index_files(home());
    EXPECT_TRUE(index);
    std::string list;
    auto keep = [&](std::string_view part) { return list += part, gkm::result<void>(); };
    auto report = scan(home(), *index, keep, {});
    EXPECT_TRUE(report) << report.error().message;
    EXPECT_THAT(report->problems, IsEmpty());
    for (const auto& file : index->names()) count(std::string(file), out_.dead_before, out_.alive);
    EXPECT_EQ(out_.alive, 0u);
    auto done = relocate_in_place(home(), list, home().string());
    EXPECT_TRUE(done) << done.error().message;
    for (const auto& file : index->names()) count(std::string(file), out_.dead, out_.alive);
    out_.files = report->files;
  }

  outcome result() const { return out_; }

private:
  fs::path home() const { return dir_ / "a \"b\" \\c"; }

  void count(const std::string& file, uint64_t& dead, uint64_t& alive) {
    auto text = base::read_file(home() / file, max_relocated_file_bytes);
    ASSERT_TRUE(text);
    auto found = read_index(*format_of(file), *text);
    ASSERT_TRUE(found) << found.error().message;
    for (const auto& p : found->paths) ++(fs::exists(p.path) ? alive : dead);
  }

  support::temp_dir dir_;
  outcome out_;
};

}  // namespace

TEST(real_cache, triton_finds_all_its_files) {
  if (!fs::exists(fixture(""))) GTEST_SKIP() << "no fixtures";
  for (auto name : {"triton-cuda-sm75", "triton-hip-gfx90a"}) {
    auto r = moved_cache(name).result();
    EXPECT_EQ(r.files, 1u) << name;
    EXPECT_EQ(r.dead_before, 6u) << name;
    EXPECT_EQ(r.alive, 6u) << name;
    EXPECT_EQ(r.dead, 0u) << name;
  }
}

TEST(real_cache, vllm_unpacked_finds_all_its_files) {
  if (!fs::exists(fixture(""))) GTEST_SKIP() << "no fixtures";
  auto r = moved_cache("vllm-unpacked-gfx90a").result();
  EXPECT_GT(r.files, 1u);
  EXPECT_GT(r.alive, 1u);
  EXPECT_EQ(r.alive, r.dead_before);
  EXPECT_EQ(r.dead, 0u);
}

// One artifact of the many in its index: only that can be found.
TEST(real_cache, vllm_binary_finds_what_is_there) {
  if (!fs::exists(fixture(""))) GTEST_SKIP() << "no fixtures";
  auto r = moved_cache("vllm-binary-cuda").result();
  EXPECT_EQ(r.files, 1u);
  EXPECT_EQ(r.alive, 1u);
  EXPECT_EQ(r.dead + r.alive, r.dead_before);
}

}  // namespace gkm::relocation
