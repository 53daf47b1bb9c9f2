#include "base/program/landlock.hpp"

#include "base/files.hpp"
#include "tests/support/temp_dir.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <future>
#include <thread>

namespace gkm::base {
namespace {
namespace fs = std::filesystem;

/// 0, or why the file cannot be opened.
int opening(const fs::path& file, int flags = O_RDONLY) {
  fd open(::open(file.c_str(), flags | O_CLOEXEC, 0600));
  return open ? 0 : errno;
}

/// In a thread of its own: it is confined until it ends.
template <class F>
void confined(const file_access& allowed, F&& checks) {
  bool possible = true;
  std::thread([&] {
    auto in_force = confine_files(allowed);
    ASSERT_TRUE(in_force) << in_force.error().message;
    possible = *in_force;
    if (possible) checks();
  }).join();
  if (!possible) GTEST_SKIP() << "this kernel confines nobody";
}

class landlock : public testing::Test {
protected:
  landlock() {
    for (const char* name : {"mine", "readable", "other"}) {
      fs::create_directory(dir_ / name);
      std::ofstream(dir_ / name / "file") << "x";
    }
  }

  support::temp_dir dir_;
};

}  // namespace

TEST_F(landlock, lets_in_where_it_may_and_nowhere_else) {
  confined({{dir_ / "readable", dir_ / "absent"}, {dir_ / "mine"}}, [&] {
    EXPECT_EQ(opening(dir_ / "readable/file"), 0);
    EXPECT_EQ(opening(dir_ / "readable/file", O_WRONLY), EACCES);
    EXPECT_EQ(opening(dir_ / "readable/new", O_WRONLY | O_CREAT), EACCES);
    EXPECT_EQ(opening(dir_ / "mine/file", O_RDWR | O_TRUNC), 0);
    EXPECT_EQ(opening(dir_ / "other/file"), EACCES);
    EXPECT_EQ(opening("/etc/shadow"), EACCES);
    EXPECT_EQ(::unlink((dir_ / "other/file").c_str()), -1);
    EXPECT_EQ(errno, EACCES);
    EXPECT_NE(::access("/bin/true", F_OK), -1);
    EXPECT_EQ(::execl("/bin/true", "true", nullptr), -1);
    EXPECT_EQ(errno, EACCES);
  });
  EXPECT_EQ(opening(dir_ / "other/file"), 0) << "others are not";
}

TEST_F(landlock, lets_in_to_what_replaces_a_file) {
  // As kubelet has it: the file is a link through ..data, which it points elsewhere.
  for (const char* version : {"..1", "..2"}) {
    fs::create_directory(dir_ / "readable" / version);
    std::ofstream(dir_ / "readable" / version / "ca.pem") << version;
  }
  fs::create_symlink("..1", dir_ / "readable/..data");
  fs::create_symlink("..data/ca.pem", dir_ / "readable/ca.pem");
  std::promise<void> is_confined;
  std::thread kubelet([&] {
    is_confined.get_future().wait();
    fs::create_symlink("..2", dir_ / "readable/..data_tmp");
    fs::rename(dir_ / "readable/..data_tmp", dir_ / "readable/..data");
    fs::remove_all(dir_ / "readable/..1");
  });
  confined({{}, {}, {dir_ / "readable/ca.pem", ""}}, [&] {
    EXPECT_EQ(read_file(dir_ / "readable/ca.pem", 10), "..1");
    is_confined.set_value();
    kubelet.join();
    EXPECT_EQ(read_file(dir_ / "readable/ca.pem", 10), "..2");
    EXPECT_EQ(opening(dir_ / "readable/ca.pem", O_RDWR), EACCES);
    EXPECT_EQ(opening(dir_ / "other/file"), EACCES);
  });
  if (!kubelet.joinable()) return;
  is_confined.set_value();
  kubelet.join();
}

TEST_F(landlock, lets_trees_be_built_renamed_and_removed) {
  confined({{}, {dir_ / "mine"}}, [&] {
    EXPECT_TRUE(write_file_atomically(dir_ / "mine/a/b", "text"));
    fs::create_directory(dir_ / "mine/c");
    EXPECT_EQ(::rename((dir_ / "mine/a").c_str(), (dir_ / "mine/c/a").c_str()), 0);
    EXPECT_TRUE(replace_symlink(dir_ / "mine/link", "c/a"));
    EXPECT_TRUE(read_file(dir_ / "mine/link/b", 10));
    EXPECT_TRUE(remove_tree(dir_ / "mine/c"));
    EXPECT_NE(::rename((dir_ / "mine/file").c_str(), (dir_ / "other/moved").c_str()), 0);
  });
}

TEST_F(landlock, leaves_what_a_program_needs_of_the_system) {
  confined({system_files(), {}}, [] {
    addrinfo* found = nullptr;
    EXPECT_EQ(::getaddrinfo("localhost", "80", nullptr, &found), 0);
    if (found) ::freeaddrinfo(found);
    EXPECT_TRUE(boot_id());
    EXPECT_EQ(opening("/etc/ssl/certs/ca-certificates.crt"), 0);
    EXPECT_EQ(opening("/etc/shadow"), EACCES);
    EXPECT_EQ(opening("/etc/ssl/private"), EACCES);
    EXPECT_EQ(opening("/root", O_RDONLY | O_DIRECTORY), EACCES);
  });
}

}  // namespace gkm::base
