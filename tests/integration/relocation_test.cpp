// Relocation judged by those who read the files: the real Triton, and Python's literal_eval as vLLM
// uses it.
#include "messages/json/json.hpp"
#include "messages/paths.hpp"
#include "tests/support/build_tree.hpp"
#include "tests/support/private_mounts.hpp"
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace gkm::support {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::Field;
using testing::Gt;
using testing::HasSubstr;
using testing::Not;

constexpr std::chrono::seconds install_limit{280};
constexpr std::chrono::seconds run_limit{120};

fs::path integration_tests() { return source_tree() / "tests" / "integration"; }

/// Ours, with whatever a user has set for Python and its packages.
std::map<std::string, std::string> whole_environment() {
  std::map<std::string, std::string> out;
  for (char** each = environ; *each; ++each) {
    std::string_view line(*each);
    auto equals = line.find('=');
    if (equals != line.npos) out.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return out;
}

/// What a program says, without the end of the line; the test fails if it fails.
std::string said_by(const std::vector<std::string>& command, const fs::path& output,
                    std::map<std::string, std::string> environment = basic_environment()) {
  child_process child({command, std::move(environment), output});
  EXPECT_EQ(child.wait(run_limit), 0) << command.front() << ": " << child.err();
  auto out = child.out();
  return out.substr(0, out.find('\n'));
}

/// A copy of a cache as it is seen at the copy's own path; says how many files were rewritten.
std::string relocated_copy(const fs::path& cache, const fs::path& to, const fs::path& output) {
  return said_by({program("relocate-tree"), cache, to, to}, output);
}

/// What one run of the real Triton found in its cache, and did itself.
struct compilation {
  std::string backend;
  uint64_t children = 0;
  uint64_t stages = 0;
  uint64_t writes = 0;
};

class triton_relocation : public testing::Test {
protected:
  void SetUp() override {
    child_process install(
        {{integration_tests() / "triton-python"}, whole_environment(), bench_.output()});
    auto code = install.wait(install_limit);
    constexpr int unavailable = 77;
    if (code == unavailable) GTEST_SKIP() << install.err();
    ASSERT_EQ(code, 0) << install.err();
    python_ = install.out();
    python_.resize(python_.find('\n'));
  }

  std::vector<compilation> compile_in(const fs::path& cache) const {
    auto environment = basic_environment();
    environment["HOME"] = bench_.root();
    environment["TRITON_CACHE_DIR"] = cache;
    auto text = said_by({python_, integration_tests() / "triton_relocation.py"}, bench_.output(),
                        environment);
    std::vector<compilation> out;
    auto read = json::parse_object<bool>(text, [&](json::reader& in, bool&) {
      in.each_object("targets", 10, [&](json::reader t) {
        out.push_back(
            {t.text("backend"), t.number("children"), t.number("stages"), t.number("writes")});
      });
    });
    EXPECT_TRUE(read) << text;
    for (const auto& c : out)
      std::cout << c.backend << " in " << cache.filename().string() << ": " << c.children
                << " children found, " << c.stages << " stages run, " << c.writes << " writes\n";
    return out;
  }

  workbench bench_;
  std::string python_;
};

}  // namespace

TEST_F(triton_relocation, makes_a_second_compilation_unnecessary) {
  auto dir = bench_.root();
  auto missed = Each(AllOf(Field(&compilation::children, 0U), Field(&compilation::stages, Gt(0U))));
  auto served = Each(AllOf(Field(&compilation::children, Gt(5U)), Field(&compilation::stages, 0U),
                           Field(&compilation::writes, 0U)));
  auto made = compile_in(dir / "made");
  ASSERT_EQ(made.size(), 2U);
  EXPECT_THAT(made, missed);
  EXPECT_THAT(compile_in(dir / "made"), served);

  // From here on nothing is where the cache was made.
  fs::rename(dir / "made", dir / "store");
  fs::copy(dir / "store", dir / "unchanged", fs::copy_options::recursive);
  EXPECT_THAT(compile_in(dir / "unchanged"), missed);
  EXPECT_EQ(relocated_copy(dir / "store", dir / "relocated", bench_.output()), "2");
  auto with = compile_in(dir / "relocated");
  EXPECT_EQ(with.size(), 2U);
  EXPECT_THAT(with, served);
}

// The same through the whole way: packed, extracted, mounted by the actors that do it for kubelet.
TEST_F(triton_relocation, makes_a_mounted_cache_serve) {
  if (!have_private_mounts()) GTEST_SKIP() << "this user may not mount";
  if (!find_program("umoci")) GTEST_SKIP() << "umoci is not installed";
  auto dir = bench_.root();
  compile_in(dir / "made");
  run_program(
      {(source_tree() / "examples" / "pack-image").string(), dir / "made", dir / "layout", "v1"},
      bench_.output(), {{"GKM_BIN", fs::path(program("gkm")).parent_path()}});
  fs::remove_all(dir / "made");
  // Its kernels are for sm_90 and gfx942.
  write_whole(dir / "gpus.json", R"({"gpus": [{"id": 0, "backend": "cuda", "arch": "90"}]})");
  bench_.want("c", "oci:" + (dir / "layout").string() + ":v1");
  ASSERT_EQ(
      bench_.gkm({"up", bench_.caches(), "--once", "--gpu-inventory", dir / "gpus.json"}).code, 0);
  ASSERT_EQ(bench_.gkm({"mount", "c", dir / "mounted"}).code, 0);
  auto with = compile_in(dir / "mounted");
  EXPECT_EQ(with.size(), 2U);
  EXPECT_THAT(with, Each(AllOf(Field(&compilation::children, Gt(5U)),
                               Field(&compilation::stages, 0U), Field(&compilation::writes, 0U))));
  EXPECT_EQ(bench_.gkm({"unmount", dir / "mounted"}).code, 0);
}

class vllm_relocation : public testing::Test {
protected:
  /// How many paths in the indexes below `cache` lead somewhere and nowhere, as Python reads them.
  std::pair<uint64_t, uint64_t> paths_in(const fs::path& cache) const {
    auto text = said_by({*find_program("python3"), integration_tests() / "vllm_index.py", cache},
                        bench_.output());
    std::pair<uint64_t, uint64_t> out;
    auto read = json::parse_object<bool>(text, [&](json::reader& in, bool&) {
      EXPECT_EQ(in.number("indexes"), 1U);
      out = {in.number("alive"), in.number("dead")};
    });
    EXPECT_TRUE(read) << text;
    return out;
  }

  std::pair<uint64_t, uint64_t> relocated(const std::string& name) const {
    EXPECT_EQ(paths_in(fixtures() / name).first, 0U);
    auto to = bench_.root() / "it's \"here\" \\ now";
    relocated_copy(fixtures() / name, to, bench_.output());
    return paths_in(to);
  }

  static fs::path fixtures() {
    const char* set = std::getenv("GKM_FIXTURES");
    return set ? fs::path(set) : source_tree() / ".." / "shared" / "fixtures";
  }

  workbench bench_;
};

TEST_F(vllm_relocation, leads_an_unpacked_cache_to_all_its_files) {
  if (!fs::exists(fixtures())) GTEST_SKIP() << "no fixtures";
  if (!find_program("python3")) GTEST_SKIP() << "python3 is not installed";
  auto [alive, dead] = relocated("vllm-unpacked-gfx90a");
  EXPECT_GT(alive, 1U);
  EXPECT_EQ(dead, 0U);
}

// One artifact of the many in its index: only that can be found.
TEST_F(vllm_relocation, leads_a_binary_cache_to_what_is_there) {
  if (!fs::exists(fixtures())) GTEST_SKIP() << "no fixtures";
  if (!find_program("python3")) GTEST_SKIP() << "python3 is not installed";
  EXPECT_EQ(relocated("vllm-binary-cuda").first, 1U);
}

class extracted_relocations : public testing::Test {
protected:
  /// Wants an image of these files below io.vllm.cache/, and waits for it.
  cache_status extracted(const std::map<std::string, std::string>& files) {
    tests::tar_builder tar;
    for (const auto& [path, content] : files) tar.file("io.vllm.cache/" + path, content);
    auto layout = bench_.root() / "layout";
    write_layout(layout, "v1", cache_image().layer(tar.finished()));
    bench_.want("x", "oci:" + layout.string() + ":v1");
    EXPECT_EQ(bench_.gkm({"up", bench_.caches(), "--once"}).code, 0);
    return bench_.status("x");
  }
  fs::path list_of(const cache_status& s) const {
    return paths::below(bench_.state()).stored(s.stored.manifest) / paths::relocations;
  }

  workbench bench_;
};

TEST_F(extracted_relocations, lie_beside_the_content) {
  const std::string index = "{(None, 0, 'inductor_standalone'): ('a', '/home/u/v/h/a')}";
  auto s = extracted({{"v/h/a", "x"}, {"v/h/vllm_compile_cache.py", index}});
  EXPECT_EQ(s.stored.relocated_files, 1U);
  EXPECT_EQ(read_whole(list_of(s)),
            "gkm-relocations 1\nF 58 v/h/vllm_compile_cache.py\nP 41 56 v/h/a\n");
  EXPECT_THAT(s.warnings, Not(Contains(HasSubstr("relocated"))));
}

TEST_F(extracted_relocations, are_absent_where_nothing_needs_them) {
  auto s = extracted({{"v/h/a", "x"}, {"v/h/vllm_compile_cache.py", "{1: ('a', '/elsewhere')}"}});
  EXPECT_EQ(s.stored.relocated_files, 0U);
  EXPECT_FALSE(fs::exists(list_of(s)));
}

TEST_F(extracted_relocations, of_an_index_that_cannot_be_read_are_warned_of) {
  auto s = extracted({{"v/h/a", "x"}, {"v/h/vllm_compile_cache.py", "open('/v/h/a')"}});
  EXPECT_EQ(s.stored.relocated_files, 0U);
  EXPECT_THAT(s.warnings, Contains(HasSubstr("'v/h/vllm_compile_cache.py'")));
}

}  // namespace gkm::support
