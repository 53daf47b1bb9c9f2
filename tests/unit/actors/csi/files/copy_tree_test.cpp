/// A tree that changes while it is copied.

#include "actors/csi/files/copy_tree.hpp"

#include "volume_fixture.hpp"

#include <fcntl.h>
#include <stdio.h>

#include <thread>

namespace gkm::csi {
namespace {

class copied_tree : public testing::Test {
protected:
  copied_tree() {
    base::log::configure(base::log::level::off, false);
    fs::create_directories(dir_ / "from");
    fs::create_directories(dir_ / "to");
    from_ = base::fd(::open((dir_ / "from").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    to_ = base::fd(::open((dir_ / "to").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  result<void> copy(uint64_t budget) { return copy_tree(from_.get(), to_.get(), budget); }

  support::temp_dir dir_;
  base::fd from_;
  base::fd to_;
};

}  // namespace

TEST_F(copied_tree, what_becomes_a_fifo_keeps_nobody_waiting) {
  auto file = dir_ / "from" / "file", fifo = dir_ / "fifo";
  write_text(file, "content");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  auto child = ::fork();
  if (child == 0) {
    constexpr unsigned far_too_long_s = 30;
    ::alarm(far_too_long_s);
    std::thread([&] {
      for (;;) ::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, fifo.c_str(), RENAME_EXCHANGE);
    }).detach();
    for (int i = 0; i < 20'000; ++i)
      if (!copy(7)) ::_exit(1);
    ::_exit(0);
  }
  int status = 1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "it waited for a writer";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace gkm::csi
