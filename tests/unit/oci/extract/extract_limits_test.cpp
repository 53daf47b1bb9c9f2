// More than an image may cost: declared, real, and what hides in compression.
#include "extract_fixture.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

namespace gkm::oci {
namespace {

const std::string in = "io.triton.cache/";

}  // namespace

TEST_F(extract_test, declared_size_is_refused_before_a_byte_is_written) {
  limits_.bytes = 1'000;
  tar_builder tar;
  tar.add({in + "a", '0', "", 0644, "", 1'001});
  expect_error(run(tar), errc::limit_exceeded, {"'io.triton.cache/a'", "1000 bytes"});
  EXPECT_TRUE(tree().empty());

  limits_ = {};
  limits_.file_bytes = 1'000;
  expect_error(run(tar), errc::limit_exceeded, {"1001 bytes", "1000"});
  EXPECT_TRUE(tree().empty());
}

TEST_F(extract_test, limits_hold_for_the_sum_of_all_layers_and_for_what_is_skipped) {
  limits_.bytes = 1'000;
  add_layer(tar_builder().file("skipped", std::string(600, 's')));
  add_layer(tar_builder().file(in + "a", std::string(400, 'a')));
  ASSERT_TRUE(run());
  clear_layers();
  add_layer(tar_builder().file("skipped", std::string(600, 's')));
  add_layer(tar_builder().file(in + "b", std::string(401, 'b')));
  expect_error(run(), errc::limit_exceeded, {"layer 2 of 2"});
}

TEST_F(extract_test, sizes_that_do_not_fit_are_no_sizes) {
  // Base-256 encoding (GNU): 2^63 - 1 and a negative number.
  for (const std::string& size :
       {std::string("\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff", 12),
        std::string(12, '\xff')}) {
    auto bytes = tar_builder().file(in + "a", "x").finished();
    bytes.replace(124, size.size(), size);
    unsigned sum = 0;
    for (size_t i = 0; i < 512; ++i)
      sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(bytes[i]);
    std::snprintf(&bytes[148], 8, "%06o", sum);
    clear_layers();
    add_layer(bytes);
    auto r = run();
    ASSERT_FALSE(r);
    EXPECT_TRUE(r.error().code == errc::limit_exceeded || r.error().code == errc::malformed)
        << r.error().message;
    EXPECT_TRUE(tree().empty());
  }
}

TEST_F(extract_test, files_and_implied_directories_count) {
  limits_.files = 5;
  ASSERT_TRUE(run(tar_builder().file(in + "a/b/c", "").file("x", "").file(in + "d", "")));
  expect_error(run(tar_builder().file(in + "a/b/c/d", "").file("x", "").file(in + "d", "")),
               errc::limit_exceeded, {"5 files"});
  tar_builder repeated;
  for (int i = 0; i < 6; ++i) repeated.directory(in + "a");
  expect_error(run(repeated), errc::limit_exceeded);
}

TEST_F(extract_test, paths_have_a_length_and_a_depth) {
  limits_.path_depth = 3;
  ASSERT_TRUE(run(tar_builder().file(in + "a/b/c", "")));
  expect_error(run(tar_builder().file(in + "a/b/c/d", "")), errc::limit_exceeded, {"deeper"});
  limits_ = {};
  limits_.path_bytes = 30;
  expect_error(run(tar_builder().file(in + std::string(15, 'n'), "")), errc::limit_exceeded,
               {"30 bytes"});
  expect_error(run(tar_builder().symlink(in + "a", std::string(31, 'n'))), errc::limit_exceeded,
               {"30 bytes"});
  limits_ = {};
  expect_error(run(tar_builder().pax({{"path", in + std::string(256, 'n')}}).file("a", "")),
               errc::limit_exceeded, {"255 bytes"});
}

TEST_F(extract_test, bomb_after_the_end_of_the_archive) {
  limits_.bytes = 1 << 20;
  auto tar = tar_builder().file(in + "a", "x").finished();
  auto zeros = gzipped(std::string(64 << 20, '\0'), '1');
  std::string bomb = gzipped(tar);
  for (int i = 0; i < 16; ++i) bomb += zeros;  // 1 GiB
  add_layer(tar, bomb);
  expect_error(run(), errc::limit_exceeded, {"unpacks to more than"});
}

TEST_F(extract_test, bomb_in_a_file) {
  limits_.bytes = 1 << 20;
  auto tar = tar_builder().file(in + "a", std::string(64 << 20, '\0')).finished();
  add_layer(tar, gzipped(tar, '1'));
  expect_error(run(), errc::limit_exceeded, {"'io.triton.cache/a'"});
  EXPECT_TRUE(tree().empty());
}

TEST_F(extract_test, endless_extended_headers_end) {
  tar_builder tar;
  for (int i = 0; i < 5'000; ++i) tar.gnu_long('L', in + "name" + std::to_string(i));
  auto r = run(tar.file("a", ""));
  ASSERT_FALSE(r);
  expect_error(run(tar_builder().gnu_long('L', std::string(2 << 20, 'n')).file("a", "")),
               errc::malformed);
}

TEST_F(extract_test, maps_of_sparse_files_end) {
  // GNU's old format: each block of the map says whether another follows.
  constexpr size_t block = 512, more_in_header = 482, more_in_map = 504, entry = 12;
  auto header = tar_builder().file(in + "a", "").finished().substr(0, block);
  header[156] = 'S';
  header.replace(257, 8, "ustar  ", 8);
  for (size_t at = 386; at + entry <= more_in_header; at += entry)
    std::snprintf(&header[at], entry, "%011o", 1U);
  header[more_in_header] = 1;
  unsigned sum = 0;
  for (size_t i = 0; i < block; ++i)
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(header[i]);
  std::snprintf(&header[148], 8, "%06o", sum);
  std::string map(block, '\0');
  for (size_t at = 0; at + entry <= more_in_map; at += entry)
    std::snprintf(&map[at], entry, "%011o", 1U);
  map[more_in_map] = 1;
  std::string tar = header;
  for (int i = 0; i < 8'192; ++i) tar += map;  // 4 MiB
  add_layer(tar);
  expect_error(run(), errc::limit_exceeded, {"headers of an entry"});
}

TEST_F(extract_test, what_is_skipped_is_no_header) {
  tar_builder tar;
  tar.file("skipped", std::string(2 << 20, 's')).file(in + "a", "a");
  auto r = run(tar.file("too", std::string(2 << 20, 's')).file(in + "b", "b"));
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(r->files, 2U);
}

TEST_F(extract_test, takes_room_before_it_writes_and_stops_where_there_is_none) {
  struct meter : disk_meter {
    uint64_t bytes = 0, inodes = 0, inodes_max = UINT64_MAX, bytes_max = UINT64_MAX;
    result<void> take(uint64_t more, uint64_t entries) override {
      bytes += more, inodes += entries;
      if (bytes > bytes_max || inodes > inodes_max) return fail(errc::no_space, "no room left");
      return {};
    }
  };
  tar_builder tar;
  tar.file(in + "d/a", "x").file(in + "d/b", std::string(10'000, 'b')).symlink(in + "l", "d");
  auto extracted = [&](meter& m) {
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    clear_layers();
    add_layer(tar);
    return extract(source_, image_, dir(), limits_, nullptr, {}, {}, &m);
  };
  meter all;
  ASSERT_TRUE(extracted(all));
  EXPECT_EQ(all.inodes, 4U);
  EXPECT_EQ(all.bytes, 4 * entry_name_bytes + (1 + 1 + 3 + 1) * disk_block_bytes);
  meter few;
  few.inodes_max = 2;
  expect_error(extracted(few), errc::no_space, {"no room left", "d/b"});
  EXPECT_EQ(tree().size(), 2U);
  meter little;
  little.bytes_max = all.bytes - disk_block_bytes;
  expect_error(extracted(little), errc::no_space, {"no room left", "'io.triton.cache/l'"});
}

TEST_F(extract_test, zstd_windows_have_a_limit) {
  auto tar = tar_builder().file(in + "a", std::string(1 << 20, 'a')).finished();
  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> c(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(c.get(), ZSTD_c_windowLog, 27);
  ZSTD_CCtx_setParameter(c.get(), ZSTD_c_contentSizeFlag, 0);
  std::string out(ZSTD_compressBound(tar.size()), '\0');
  ZSTD_inBuffer from{tar.data(), tar.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  ZSTD_compressStream2(c.get(), &to, &from, ZSTD_e_continue);
  ASSERT_EQ(ZSTD_compressStream2(c.get(), &to, &from, ZSTD_e_end), 0U);
  out.resize(to.pos);
  add_layer(tar, out);
  expect_error(run(), errc::limit_exceeded, {"window", "16 MiB"});
}

namespace {

/// Runs `body` in a child that sees a file system of 1 MiB at `dir`; its text, or nothing if this
/// machine does not let us.
std::optional<std::string> in_tiny_file_system(const std::filesystem::path& dir,
                                               const std::function<std::string()>& body) {
  int ends[2];
  if (pipe(ends) != 0) return std::nullopt;
  auto child = fork();
  if (child == 0) {
    auto flags = geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    if (unshare(flags) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tiny", dir.c_str(), "tmpfs", 0, "size=1m") != 0)
      _exit(77);
    auto text = body();
    auto n = write(ends[1], text.data(), text.size());
    _exit(n == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return std::nullopt;
  return text;
}

}  // namespace

TEST_F(extract_test, full_disk_says_where_and_how_far_it_came) {
  auto tar = tar_builder().file(in + "a", std::string(4 << 20, 'a')).finished();
  add_layer(tar, gzipped(tar));
  auto text = in_tiny_file_system(dir(), [&] {
    auto r = run();
    return r ? "success" : std::string(to_string(r.error().code)) + " " + r.error().message;
  });
  if (!text) GTEST_SKIP() << "this process may not mount a tmpfs";
  EXPECT_EQ(text->rfind("no_space ", 0), 0U) << *text;
  EXPECT_NE(text->find("'" + dir().string() + "'"), std::string::npos) << *text;
  EXPECT_NE(text->find(" bytes"), std::string::npos) << *text;
}

}  // namespace gkm::oci
