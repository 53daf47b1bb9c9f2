#include "actors/csi/services/unix_socket.hpp"

#include "tests/support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

namespace gkm::csi {
namespace {

namespace fs = std::filesystem;

class unix_sockets : public testing::Test {
protected:
  /// As a process that was killed leaves it.
  void leave_stale() const {
    base::fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.native().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  support::temp_dir dir_;
  const fs::path path_ = dir_ / "sock";
};

TEST_F(unix_sockets, is_for_its_owner_and_goes_with_it) {
  {
    auto socket = unix_socket::listen(path_);
    ASSERT_TRUE(socket) << socket.error().message;
    struct stat file {};
    ASSERT_EQ(::stat(path_.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0600U);
    EXPECT_TRUE(socket->is_in_place());
    EXPECT_TRUE(connect_to(path_));
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(unix_sockets, replaces_what_a_dead_process_left) {
  leave_stale();
  auto socket = unix_socket::listen(path_);
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_TRUE(connect_to(path_));
}

TEST_F(unix_sockets, leaves_alone_what_another_serves) {
  auto first = unix_socket::listen(path_);
  ASSERT_TRUE(first);
  auto second = unix_socket::listen(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::busy);
  EXPECT_TRUE(first->is_in_place());
}

TEST_F(unix_sockets, leaves_alone_what_is_no_socket) {
  std::ofstream(path_) << "precious";
  auto socket = unix_socket::listen(path_);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, errc::conflict);
  EXPECT_EQ(fs::file_size(path_), 8U);
  fs::remove(path_);
  fs::create_symlink(dir_ / "elsewhere", path_);
  EXPECT_EQ(unix_socket::listen(path_).error().code, errc::conflict);
}

TEST_F(unix_sockets, does_not_remove_its_successor) {
  auto first = unix_socket::listen(path_);
  ASSERT_TRUE(first);
  fs::remove(path_);
  auto second = unix_socket::listen(path_);
  ASSERT_TRUE(second);
  EXPECT_FALSE(first->is_in_place());
  *first = unix_socket();
  EXPECT_TRUE(second->is_in_place());
}

TEST_F(unix_sockets, names_what_is_wrong_with_a_path) {
  auto absent = unix_socket::listen(dir_ / "no" / "sock");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, errc::not_found);
  auto longest = dir_ / std::string(max_socket_path_bytes - dir_.path().native().size() - 1, 'x');
  EXPECT_TRUE(unix_socket::listen(longest));
  auto longer = unix_socket::listen(longest.string() + "x");
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, errc::invalid_argument);
  EXPECT_THAT(longer.error().message, testing::HasSubstr("108"));
}

}  // namespace
}  // namespace gkm::csi
