#include "gpus/kernels/targets.hpp"

#include "tests/support/elf_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace gkm::gpus {
namespace {

using test::cubin_abi7;
using test::cubin_abi8;
using test::hsaco;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
namespace fs = std::filesystem;

constexpr auto any = feature::any;

struct file {
  std::string path;
  std::string content;
};

void feed(target_scanner& scanner, const file& f, size_t block = 1000) {
  scanner.begin(f.path, f.content.size());
  const auto bytes = std::as_bytes(std::span(f.content));
  for (size_t at = 0; at < bytes.size(); at += block)
    scanner.data(bytes.subspan(at, std::min(block, bytes.size() - at)));
  scanner.end();
}

target_report scan(const std::vector<file>& files) {
  target_scanner scanner;
  for (const auto& f : files) feed(scanner, f);
  return scanner.report();
}

std::string json(const std::string& backend, const std::string& arch, int warp) {
  return R"({"hash": "x", "target": {"backend": ")" + backend + R"(", "arch": )" + arch +
         R"(, "warp_size": )" + std::to_string(warp) + "}, \"name\": \"k\"}";
}

target cuda(std::string arch, uint32_t warp = 0) { return {"cuda", std::move(arch), warp}; }
target hip(std::string arch, uint32_t warp = 0) { return {"hip", std::move(arch), warp}; }

}  // namespace

TEST(target_scanner, image_and_json_become_one_target) {
  auto report = scan({{"A/k.cubin", cubin_abi7(75).build()}, {"A/k.json", json("cuda", "75", 32)}});
  EXPECT_THAT(report.targets, ElementsAre(cuda("75", 32)));
  EXPECT_THAT(report.kernels, ElementsAre(Pair("sm_75", 1u)));
  EXPECT_EQ(report.kernel_count, 1u);
  EXPECT_THAT(report.problems, IsEmpty());
}

TEST(target_scanner, the_order_of_files_does_not_matter) {
  const file image{"A/k.hsaco", hsaco(0x3f, 0x500).build()};
  const file text{"A/k.json", json("hip", "\"gfx90a\"", 64)};
  for (const auto& report : {scan({image, text}), scan({text, image})}) {
    EXPECT_THAT(report.targets, ElementsAre(target{"hip", "gfx90a", 64, any, any}));
    EXPECT_EQ(report.kernel_count, 1u);
  }
}

TEST(target_scanner, json_counts_where_there_is_no_image) {
  auto report = scan({{"A/k.json", json("cuda", "90", 32)},
                      {"A/k2.json", json("cuda", "\"90\"", 32)},
                      {"B/k.json", json("hip", "\"gfx942\"", 64)}});
  EXPECT_THAT(report.targets, ElementsAre(cuda("90", 32), hip("gfx942", 64)));
  EXPECT_THAT(report.kernels, ElementsAre(Pair("gfx942", 1u), Pair("sm_90", 2u)));
  EXPECT_EQ(report.kernel_count, 3u);
}

TEST(target_scanner, image_wins_against_json_that_disagrees) {
  auto report = scan({{"A/k.cubin", cubin_abi7(75).build()}, {"A/k.json", json("cuda", "80", 32)}});
  EXPECT_THAT(report.targets, ElementsAre(cuda("75")));
  EXPECT_THAT(report.problems,
              ElementsAre("'A/k.json' says sm_80, the kernel beside it is built for sm_75"));
}

TEST(target_scanner, plain_json_agrees_with_an_accelerated_image) {
  auto report =
      scan({{"k.cubin", cubin_abi8(90, true).build()}, {"k.json", json("cuda", "90", 32)}});
  EXPECT_THAT(report.targets, ElementsAre(cuda("90a", 32)));
  EXPECT_THAT(report.problems, IsEmpty());
  // Also where the image lies elsewhere.
  report =
      scan({{"A/k.cubin", cubin_abi8(90, true).build()}, {"B/k.json", json("cuda", "90", 32)}});
  EXPECT_THAT(report.targets, ElementsAre(cuda("90a", 32)));
  EXPECT_THAT(report.kernels, ElementsAre(Pair("sm_90a", 2u)));
}

TEST(target_scanner, one_stated_warp_size_holds_for_all_images_of_a_target) {
  auto report = scan({{"artifact", std::string(100, 'x') + hsaco(0x3f).build()},
                      {"A/k.hsaco", hsaco(0x3f).build()},
                      {"A/k.json", json("hip", "\"gfx90a\"", 64)}});
  EXPECT_THAT(report.targets, ElementsAre(hip("gfx90a", 64)));
  EXPECT_THAT(report.kernels, ElementsAre(Pair("gfx90a", 2u)));
  // Two are stated: the one without stays without.
  report = scan({{"artifact", hsaco(0x41).build()},
                 {"A/k.hsaco", hsaco(0x41).build()},
                 {"A/k.json", json("hip", "\"gfx1100\"", 32)},
                 {"B/k.hsaco", hsaco(0x41).build()},
                 {"B/k.json", json("hip", "\"gfx1100\"", 64)}});
  EXPECT_THAT(report.targets, ElementsAre(hip("gfx1100"), hip("gfx1100", 32), hip("gfx1100", 64)));
}

TEST(target_scanner, ptx_tells_a_suffix_that_the_image_does_not) {
  const std::string ptx = "//\n// Generated\n\n.version 8.4\n.target sm_90a, debug\n";
  const file image{"A/k.cubin", cubin_abi8(90).build()};
  EXPECT_THAT(scan({image, {"A/k.ptx", ptx}}).targets, ElementsAre(cuda("90a")));
  EXPECT_THAT(scan({{"A/k.ptx", ptx}, image}).targets, ElementsAre(cuda("90a")));
  EXPECT_THAT(scan({image, {"A/other.ptx", ptx}}).targets, ElementsAre(cuda("90")));
  EXPECT_THAT(scan({image, {"B/k.ptx", ptx}}).targets, ElementsAre(cuda("90")));
  EXPECT_THAT(scan({image, {"A/k.ptx", ".target sm_100a\n"}}).targets, ElementsAre(cuda("90")));
  EXPECT_THAT(scan({image, {"A/k.ptx", std::string(4096, '\n') + ptx}}).targets,
              ElementsAre(cuda("90")));
  const file closed{"A/k.cubin", cubin_abi8(90, false).build()};
  EXPECT_THAT(scan({closed, {"A/k.ptx", ptx}}).targets, ElementsAre(cuda("90")));
  EXPECT_THAT(scan({{"A/k.ptx", ptx}}).targets, IsEmpty());
}

TEST(target_scanner, names_decide_what_is_looked_at) {
  const auto image = hsaco(0x3f).build();
  for (auto name : {"a.py", "a.ttir", "a.ttgir", "a.llir", "a.amdgcn", "a.c", "a.cpp", "a.h",
                    "a.txt", "a.best_config", "__grp__a.json", "a.json", "a.ptx"})
    EXPECT_THAT(scan({{name, image}}).targets, IsEmpty()) << name;
  for (auto name : {"a", "model", "artifact_x", "a.bin", "a.pkl", "a.so", "a.co", ".hidden",
                    "a.hsaco", "a.cubin", "py", "dir.py/a"})
    EXPECT_THAT(scan({{name, image}}).targets, ElementsAre(hip("gfx90a"))) << name;
}

TEST(target_scanner, other_json_is_passed_over_in_silence) {
  for (std::string text :
       {"", "{", "[]", "{}", R"({"target": 5})", R"({"target": {}})", R"({"target": "cuda"})",
        R"({"target": {"backend": "cuda"}})", R"({"target": {"backend": 5, "arch": 75}})",
        R"({"x": {"target": {"backend": "cuda", "arch": 75}}})"}) {
    auto report = scan({{"a.json", text}});
    EXPECT_THAT(report.targets, IsEmpty()) << text;
    EXPECT_THAT(report.problems, IsEmpty()) << text;
  }
  EXPECT_THAT(scan({{"__grp__k.json", json("cuda", "75", 32)}}).targets, IsEmpty());
  const auto large = json("cuda", "75", 32) + std::string(1 << 20, ' ');
  EXPECT_THAT(scan({{"k.json", large}}).targets, IsEmpty());
  EXPECT_THAT(scan({{"k.json", std::string(1 << 20, '[')}}).targets, IsEmpty());
}

TEST(target_scanner, json_with_a_target_that_is_none_is_a_problem) {
  EXPECT_THAT(scan({{"k.json", json("cuda", "\"sm_12.9\"", 32)}}).problems,
              ElementsAre(HasSubstr("'k.json' has a target that cannot be used: CUDA architecture "
                                    "'sm_12.9' looks like a version of CUDA")));
  EXPECT_THAT(scan({{"k.json", json("xpu", "1", 32)}}).problems, ElementsAre(HasSubstr("'xpu'")));
  EXPECT_THAT(scan({{"k.json", json("cuda", "[]", 32)}}).problems,
              ElementsAre(HasSubstr("neither a number nor a string")));
}

TEST(target_scanner, kernels_that_cannot_be_read_are_problems) {
  auto report = scan({{"A/text.cubin", "not a kernel"},
                      {"A/empty.hsaco", ""},
                      {"A/new.hsaco", hsaco(0xee).build()},
                      {"A/short.cubin", cubin_abi7(75).build().substr(0, 100)},
                      {"model", "xx" + cubin_abi7(80).build().substr(0, 100)},
                      {"old", "xx" + hsaco(0xee).build()},
                      {"esc\x1b[31m.cubin", "x"}});
  EXPECT_THAT(report.targets, ElementsAre(cuda("75"), cuda("80")));
  EXPECT_THAT(
      report.problems,
      ElementsAre("'A/text.cubin' is not an ELF kernel", "'A/empty.hsaco' is not an ELF kernel",
                  "'A/new.hsaco' is a kernel of unknown architecture 0xee (AMD)",
                  "'A/short.cubin' is cut short", "'model' holds a kernel that is cut short",
                  "'old' holds a kernel of unknown architecture 0xee (AMD)",
                  "'esc?[31m.cubin' is not an ELF kernel"));
}

// "__CLANG_OFFLOAD_BUNDLE__", a table of entries, then one image for each at its offset.
std::string offload_bundle() {
  return "__CLANG_OFFLOAD_BUNDLE__" + std::string(4096 - 24, '\0') + hsaco(0x3f).build() +
         std::string(512, '\0') + hsaco(0x4c).build();
}

TEST(target_scanner, reads_offload_bundles_whatever_their_name) {
  for (const char* name : {"k.hsaco", "k.cubin", "k.co", "k.hipfb", "k.so", "bundle"}) {
    auto report = scan({{name, offload_bundle()}});
    EXPECT_THAT(report.targets, ElementsAre(hip("gfx90a"), hip("gfx942"))) << name;
    EXPECT_THAT(report.problems, IsEmpty()) << name;
  }
  EXPECT_THAT(scan({{"k.hsaco", offload_bundle().substr(0, 4096 + 100)}}).problems,
              ElementsAre("'k.hsaco' holds a kernel that is cut short"));
}

TEST(target_scanner, names_compressed_bundles_as_unread) {
  for (const char* name : {"k.hsaco", "k.so", "bundle"}) {
    auto report = scan({{name, "CCOB" + std::string(100, '\1')}});
    EXPECT_THAT(report.targets, IsEmpty());
    EXPECT_THAT(report.problems, ElementsAre(HasSubstr("is a compressed offload bundle"))) << name;
  }
}

TEST(target_scanner, finds_nothing_in_host_code) {
  std::ifstream self("/proc/self/exe", std::ios::binary);
  std::string head(1 << 16, '\0');
  self.read(head.data(), static_cast<std::streamsize>(head.size()));
  auto report = scan({{"launcher.so", head}});
  EXPECT_THAT(report.targets, IsEmpty());
  EXPECT_THAT(report.problems, IsEmpty());
}

TEST(target_scanner, is_bounded) {
  target_scanner scanner;
  for (int i = 0; i < 100; ++i) feed(scanner, {"bad" + std::to_string(i) + ".cubin", "x"});
  for (uint32_t sm = 20; sm < 120; ++sm) feed(scanner, {"artifact", cubin_abi7(sm).build()});
  auto report = scanner.report();
  EXPECT_EQ(report.targets.size(), 64u);
  EXPECT_EQ(report.kernel_count, 100u);
  ASSERT_EQ(report.problems.size(), 18u);
  EXPECT_EQ(report.problems[16], "more than 64 targets; 36 kernels are left out");
  EXPECT_EQ(report.problems[17], "and 84 more problems");
}

TEST(target_scanner, needs_no_more_data_than_it_uses) {
  target_scanner scanner;
  EXPECT_FALSE(scanner.wants_data());
  scanner.begin("a.py", 10);
  EXPECT_FALSE(scanner.wants_data());
  scanner.end();
  scanner.begin("a.ptx", 10000);
  EXPECT_TRUE(scanner.wants_data());
  const std::vector<std::byte> block(5000);
  scanner.data(block);
  EXPECT_FALSE(scanner.wants_data());
  scanner.end();
  scanner.begin("model", 10);
  EXPECT_TRUE(scanner.wants_data());
  scanner.end();
}

TEST(target_scanner, reports_in_the_middle_and_goes_on) {
  target_scanner scanner;
  feed(scanner, {"A/k.json", json("cuda", "75", 32)});
  EXPECT_THAT(scanner.report().targets, ElementsAre(cuda("75", 32)));
  EXPECT_EQ(scanner.report().kernel_count, 1u);
  feed(scanner, {"A/k.cubin", cubin_abi7(75).build()});
  EXPECT_EQ(scanner.report().kernel_count, 1u);
  scanner.begin("A/cut", 1000);  // and never ended
  feed(scanner, {"B/k.hsaco", hsaco(0x3f).build()});
  EXPECT_THAT(scanner.report().targets, ElementsAre(cuda("75", 32), hip("gfx90a")));
  EXPECT_THAT(scanner.report().problems, IsEmpty());
}

TEST(target_scanner, one_flat_directory_of_many_kernels) {
  std::vector<file> files;
  for (int i = 0; i < 1000; ++i) {
    const auto stem = "k" + std::to_string(i);
    files.push_back({stem + ".cubin", cubin_abi8(90).build()});
    files.push_back({stem + ".json", json("cuda", "90", 32)});
  }
  auto report = scan(files);
  EXPECT_THAT(report.kernels, ElementsAre(Pair("sm_90", 1000u)));
  EXPECT_THAT(report.targets, ElementsAre(cuda("90", 32)));
}

namespace {

class scan_directory_test : public testing::Test {
protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "gkm-scan-XXXXXX").string();
    ASSERT_TRUE(::mkdtemp(name.data()));
    dir_ = name;
  }
  void TearDown() override { fs::remove_all(dir_); }
  void write(const fs::path& path, const std::string& content) {
    fs::create_directories((dir_ / path).parent_path());
    std::ofstream(dir_ / path, std::ios::binary) << content;
  }

  fs::path dir_;
};

}  // namespace

TEST_F(scan_directory_test, reads_everything_below) {
  write("A/k.cubin", cubin_abi8(90).build());
  write("A/k.json", json("cuda", "90", 32));
  write("A/k.ptx", ".version 8.4\n.target sm_90a\n");
  write("x/y/z/model", std::string(300000, 'x') + hsaco(0x3f).build());
  fs::create_directory(dir_ / "empty");
  auto report = scan_directory(dir_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(report->targets, ElementsAre(cuda("90a", 32), hip("gfx90a")));
  EXPECT_THAT(report->problems, IsEmpty());
}

TEST_F(scan_directory_test, keeps_the_files_of_a_directory_together) {
  write("A/a.json", json("cuda", "90", 32));
  write("A/b/model", hsaco(0x3f).build());
  write("A/c.cubin", cubin_abi7(75).build());
  auto report = scan_directory(dir_);
  ASSERT_TRUE(report);
  EXPECT_THAT(report->targets, ElementsAre(cuda("75"), hip("gfx90a")));
  EXPECT_THAT(report->problems, ElementsAre(HasSubstr("'A/a.json' says sm_90")));
}

TEST_F(scan_directory_test, follows_no_links_and_hangs_on_no_fifo) {
  write("outside/k.cubin", cubin_abi7(75).build());
  fs::create_directory(dir_ / "cache");
  fs::create_symlink(dir_ / "outside", dir_ / "cache" / "dir");
  fs::create_symlink(dir_ / "outside" / "k.cubin", dir_ / "cache" / "k.cubin");
  ASSERT_EQ(::mkfifo((dir_ / "cache" / "model").c_str(), 0600), 0);
  auto report = scan_directory(dir_ / "cache");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(report->targets, IsEmpty());
  EXPECT_THAT(report->problems, IsEmpty());
}

TEST_F(scan_directory_test, reads_a_single_file) {
  write("k.cubin", cubin_abi8(90, true).build());
  auto report = scan_file(dir_ / "k.cubin");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(report->targets, ElementsAre(cuda("90a")));
  EXPECT_EQ(scan_file(dir_ / "none").error().code, errc::not_found);
}

TEST_F(scan_directory_test, fails_where_there_is_none) {
  auto missing = scan_directory(dir_ / "none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("none': No such file"));
  write("file", "x");
  EXPECT_EQ(scan_directory(dir_ / "file").error().code, errc::io);
}

TEST_F(scan_directory_test, fails_where_it_may_not_read) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  write("A/model", "x");
  fs::permissions(dir_ / "A", fs::perms::none);
  auto closed = scan_directory(dir_);
  fs::permissions(dir_ / "A", fs::perms::owner_all);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, errc::io);
}

TEST_F(scan_directory_test, goes_only_so_deep) {
  fs::path deep;
  for (int i = 0; i < 66; ++i) deep /= "d";
  write(deep / "model", "x");
  auto report = scan_directory(dir_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, errc::limit_exceeded);
}

namespace {

// Caches that frameworks left behind on real GPUs; not part of the repository.
class real_cache : public testing::Test {
protected:
  target_report scan(const std::string& name) {
    const char* set = std::getenv("GKM_FIXTURES");
    const auto beside_the_repository =
        fs::path(__FILE__).parent_path() / "../../../../shared/fixtures";
    const auto root = set ? fs::path(set) : beside_the_repository;
    dir_ = root / name;
    if (!fs::exists(dir_)) return {};
    auto report = scan_directory(dir_);
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(target_report{});
  }
  bool is_there() const { return fs::exists(dir_); }

  fs::path dir_;
};

}  // namespace

TEST_F(real_cache, triton_cuda) {
  auto report = scan("triton-cuda-sm75");
  if (!is_there()) GTEST_SKIP() << "no fixtures";
  EXPECT_THAT(report.targets, ElementsAre(cuda("75", 32)));
  EXPECT_THAT(report.kernels, ElementsAre(Pair("sm_75", 1u)));
  EXPECT_THAT(report.problems, IsEmpty());
}

TEST_F(real_cache, triton_hip) {
  auto report = scan("triton-hip-gfx90a");
  if (!is_there()) GTEST_SKIP() << "no fixtures";
  EXPECT_THAT(report.targets, ElementsAre(target{"hip", "gfx90a", 64, any, any}));
  EXPECT_THAT(report.kernels, ElementsAre(Pair("gfx90a", 1u)));
  EXPECT_THAT(report.problems, IsEmpty());
}

TEST_F(real_cache, vllm_unpacked) {
  auto report = scan("vllm-unpacked-gfx90a");
  if (!is_there()) GTEST_SKIP() << "no fixtures";
  EXPECT_THAT(report.targets, ElementsAre(target{"hip", "gfx90a", 64, any, any}));
  EXPECT_THAT(report.kernels, ElementsAre(Pair("gfx90a", 12u)));
  EXPECT_THAT(report.problems, IsEmpty());
}

// One artifact with its cubins; cache_key_factors.json beside it names no GPU.
TEST_F(real_cache, vllm_binary) {
  auto report = scan("vllm-binary-cuda");
  if (!is_there()) GTEST_SKIP() << "no fixtures";
  EXPECT_THAT(report.targets, ElementsAre(cuda("75")));
  EXPECT_THAT(report.kernels, ElementsAre(Pair("sm_75", 24u)));
  EXPECT_THAT(report.problems, IsEmpty());
}

}  // namespace gkm::gpus
