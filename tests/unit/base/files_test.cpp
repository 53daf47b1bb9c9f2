#include "base/files.hpp"

#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <set>
#include <thread>

namespace gkm::base {
namespace {
namespace fs = std::filesystem;
using support::temp_dir;

size_t entries_in(const fs::path& dir) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(dir), fs::directory_iterator()));
}

unsigned mode_of(const fs::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

void put(const fs::path& file, std::string_view content) { std::ofstream(file) << content; }

/// Another umask for a while.
class umask_of {
public:
  explicit umask_of(mode_t mask) : before_(::umask(mask)) {}
  ~umask_of() { ::umask(before_); }

private:
  mode_t before_;
};

/// Another process that takes a lock, says what came of it, and holds on until it is told to go.
class lock_taker {
public:
  explicit lock_taker(const fs::path& file) {
    std::array<int, 2> up{}, down{};
    EXPECT_EQ(::pipe(up.data()), 0);
    EXPECT_EQ(::pipe(down.data()), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(down[1]);
      auto lock = file_lock::take(file);
      char outcome = lock ? 'y' : 'n';
      [[maybe_unused]] auto said = ::write(up[1], &outcome, 1);
      [[maybe_unused]] auto told = ::read(down[0], &outcome, 1);
      ::_exit(0);
    }
    ::close(up[1]);
    ::close(down[0]);
    go_ = fd(down[1]);
    fd answer(up[0]);
    char outcome = 0;
    EXPECT_EQ(::read(answer.get(), &outcome, 1), 1);
    took_ = outcome == 'y';
  }
  ~lock_taker() { leave(); }

  bool took() const { return took_; }
  int pid() const { return pid_; }
  void leave() {
    go_.reset();
    if (pid_ > 0) ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

private:
  int pid_ = -1;
  fd go_;
  bool took_ = false;
};

}  // namespace

TEST(fd, owns_one_descriptor) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  fd reader(ends[0]);
  {
    fd writer(ends[1]);
    fd moved(std::move(writer));
    EXPECT_FALSE(writer);
    EXPECT_TRUE(moved);
  }
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 0) << "the writing end is closed";
}

TEST(errno_error, tells_full_disks_and_missing_files_apart) {
  EXPECT_EQ(errno_error(ENOSPC, "write", "/x").code, errc::no_space);
  EXPECT_EQ(errno_error(EDQUOT, "write", "/x").code, errc::no_space);
  EXPECT_EQ(errno_error(ENOENT, "open", "/x").code, errc::not_found);
  EXPECT_EQ(errno_error(EACCES, "open", "/x"),
            (error{errc::io, "Cannot open '/x': Permission denied", {}}));
}

TEST(read_file, gives_the_whole_file_up_to_the_limit) {
  temp_dir dir;
  const std::string content(100'000, 'x');
  put(dir / "f", content);
  EXPECT_EQ(read_file(dir / "f", content.size()), content);
  auto cut = read_file(dir / "f", content.size() - 1);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, errc::limit_exceeded);
  put(dir / "empty", "");
  EXPECT_EQ(read_file(dir / "empty", 0), "");
}

TEST(read_file, opens_nothing_but_files) {
  temp_dir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  for (const auto& path : {dir / "fifo", dir.path(), fs::path("/dev/zero")}) {
    auto content = read_file(path, 10);
    ASSERT_FALSE(content) << path;
    EXPECT_EQ(content.error().code, errc::malformed);
  }
  EXPECT_EQ(read_file(dir / "absent", 10).error().code, errc::not_found);
}

TEST(write_file_atomically, makes_the_directory_and_leaves_nothing_else) {
  temp_dir dir;
  auto file = dir / "a" / "b" / "f";
  ASSERT_TRUE(write_file_atomically(file, "one"));
  ASSERT_TRUE(write_file_atomically(file, ""));
  ASSERT_TRUE(write_file_atomically(file, "two"));
  EXPECT_EQ(read_file(file, 10), "two");
  EXPECT_EQ(entries_in(file.parent_path()), 1u);
}

TEST(write_file_atomically, a_reader_never_sees_a_part) {
  temp_dir dir;
  const auto file = dir / "f";
  const std::array<std::string, 2> versions{std::string(200'000, 'a'), std::string(90'000, 'b')};
  ASSERT_TRUE(write_file_atomically(file, versions[0]));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (size_t i = 0; !stop; ++i) EXPECT_TRUE(write_file_atomically(file, versions[i % 2]));
  });
  for (int i = 0; i < 300; ++i) {
    auto seen = read_file(file, 1 << 20);
    EXPECT_TRUE(seen && (*seen == versions[0] || *seen == versions[1]));
  }
  stop = true;
  writer.join();
}

TEST(write_file_atomically, a_failure_leaves_the_target_and_no_temporary_file) {
  temp_dir dir;
  ASSERT_TRUE(fs::create_directories(dir / "f" / "full"));
  auto written = write_file_atomically(dir / "f", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, errc::io);
  EXPECT_EQ(entries_in(dir.path()), 1u);
  EXPECT_TRUE(fs::is_directory(dir / "f" / "full"));
  put(dir / "file", "");
  EXPECT_FALSE(write_file_atomically(dir / "file" / "f", "x"));
}

TEST(write_file_atomically, replaces_a_link_not_what_it_points_at) {
  temp_dir dir;
  put(dir / "victim", "untouched");
  fs::create_symlink(dir / "victim", dir / "f");
  ASSERT_TRUE(write_file_atomically(dir / "f", "new"));
  EXPECT_EQ(read_file(dir / "victim", 20), "untouched");
  EXPECT_FALSE(fs::is_symlink(dir / "f"));
}

TEST(replace_symlink, points_anew) {
  temp_dir dir;
  ASSERT_TRUE(replace_symlink(dir / "l", "one"));
  ASSERT_TRUE(replace_symlink(dir / "l", "two"));
  EXPECT_EQ(fs::read_symlink(dir / "l"), "two");
  EXPECT_EQ(entries_in(dir.path()), 1u);
}

TEST(replace_symlink, a_failure_leaves_no_temporary_link) {
  temp_dir dir;
  fs::create_directories(dir / "l");
  EXPECT_FALSE(replace_symlink(dir / "l", "x"));
  EXPECT_EQ(entries_in(dir.path()), 1u);
  EXPECT_EQ(replace_symlink(dir / "absent" / "l", "x").error().code, errc::not_found);
}

TEST(make_directories, makes_parents_with_the_mode_whatever_the_umask) {
  temp_dir dir;
  umask_of tight(077);
  ASSERT_TRUE(make_directories(dir / "a" / "b" / "c", 0755));
  for (auto path : {"a", "a/b", "a/b/c"}) EXPECT_EQ(mode_of(dir / path), 0755u) << path;
}

TEST(make_directories, leaves_what_is_there_as_it_is) {
  temp_dir dir;
  fs::create_directory(dir / "a");
  fs::permissions(dir / "a", fs::perms::owner_all);
  ASSERT_TRUE(make_directories(dir / "a", 0755));
  EXPECT_EQ(mode_of(dir / "a"), 0700u);
  fs::create_directory_symlink(dir / "a", dir / "link");
  EXPECT_TRUE(make_directories(dir / "link" / "b", 0755));
  EXPECT_TRUE(make_directories("", 0755));
}

TEST(make_directories, a_file_in_the_way_is_named) {
  temp_dir dir;
  put(dir / "f", "");
  auto made = make_directories(dir / "f", 0755);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("/f': a file is in its place"), std::string::npos);
  EXPECT_FALSE(make_directories(dir / "f" / "below", 0755));
}

TEST(remove_tree, does_not_follow_links) {
  temp_dir dir;
  fs::create_directories(dir / "elsewhere");
  put(dir / "elsewhere" / "kept", "x");
  fs::create_directories(dir / "tree" / "sub");
  put(dir / "tree" / "sub" / "f", "x");
  fs::create_directory_symlink(dir / "elsewhere", dir / "tree" / "link");
  fs::create_directory_symlink(dir / "elsewhere", dir / "link");
  ASSERT_TRUE(remove_tree(dir / "tree"));
  ASSERT_TRUE(remove_tree(dir / "link"));
  EXPECT_FALSE(fs::exists(dir / "tree"));
  EXPECT_TRUE(fs::exists(dir / "elsewhere" / "kept"));
  EXPECT_TRUE(remove_tree(dir / "absent"));
}

TEST(file_lock, keeps_another_process_out_and_names_it) {
  temp_dir dir;
  const auto file = dir / "lock";
  EXPECT_EQ(file_lock::holder(file), std::nullopt);
  {
    lock_taker other(file);
    ASSERT_TRUE(other.took());
    EXPECT_EQ(file_lock::holder(file), other.pid());
    auto refused = file_lock::take(file);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::busy);
    EXPECT_NE(refused.error().message.find("(pid " + std::to_string(other.pid()) + ")"),
              std::string::npos);
  }
  EXPECT_EQ(file_lock::holder(file), std::nullopt) << "it died with its process";
  auto mine = file_lock::take(file);
  ASSERT_TRUE(mine);
  EXPECT_EQ(file_lock::holder(file), ::getpid());
  EXPECT_FALSE(lock_taker(file).took());
}

TEST(file_lock, does_not_follow_a_link) {
  temp_dir dir;
  put(dir / "victim", "untouched");
  fs::create_symlink(dir / "victim", dir / "lock");
  EXPECT_FALSE(file_lock::take(dir / "lock"));
  EXPECT_EQ(read_file(dir / "victim", 20), "untouched");
}

TEST(random_name, does_not_repeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    auto name = random_name();
    EXPECT_EQ(name.size(), 16u);
    EXPECT_EQ(name.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(seen.insert(name).second);
  }
}

TEST(boot_id, stays_the_same_within_a_boot) {
  auto id = boot_id();
  ASSERT_TRUE(id);
  EXPECT_EQ(id->size(), 36u);
  EXPECT_EQ(boot_id(), id);
}

}  // namespace gkm::base
