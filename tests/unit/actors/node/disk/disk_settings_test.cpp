#include "actors/node/disk/disk_settings.hpp"

#include "base/program/log.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <fstream>

namespace gkm::node {
namespace {

constexpr std::chrono::seconds patience{30};  ///< never reached where the watch works

class ear {
public:
  std::function<void(const disk_shares&)> listener() {
    return [this](const disk_shares& now) {
      std::lock_guard lock(mutex_);
      heard_ = now;
      changed_.notify_all();
    };
  }
  bool hears(const disk_shares& expected) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return heard_ == expected; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  disk_shares heard_;
};

/// As kubelet does: another file takes the place of the old one.
void write(const std::filesystem::path& file, const std::string& text) {
  auto next = file.string() + ".next";
  std::ofstream(next) << text;
  std::filesystem::rename(next, file);
}

}  // namespace

TEST(disk_settings, are_followed_and_nonsense_changes_nothing) {
  base::log::configure(base::log::level::off, false);
  support::temp_dir dir;
  write(dir / "gkm.agent.store.size", "40%\n");
  ear told;
  followed_shares following(dir.path(), {}, told.listener());
  disk_shares expected;
  expected.store = {40, true};
  EXPECT_TRUE(told.hears(expected));
  write(dir / "gkm.agent.store.namespace.size", "5Gi");
  expected.tenant = {5ULL << 30, false};
  EXPECT_TRUE(told.hears(expected));
  write(dir / "gkm.agent.store.size", "a lot");
  write(dir / "gkm.agent.store.reserve", "1%");
  expected.reserve = {1, true};
  EXPECT_TRUE(told.hears(expected)) << "40% stays";
  std::filesystem::remove(dir / "gkm.agent.store.size");
  expected.store = disk_shares{}.store;
  EXPECT_TRUE(told.hears(expected)) << "the default is back";
}

TEST(disk_settings, what_was_said_by_flag_stays) {
  base::log::configure(base::log::level::off, false);
  support::temp_dir dir;
  write(dir / "gkm.agent.store.size", "40%");
  write(dir / "gkm.agent.store.reserve", "1%");
  disk_flags flags;
  flags.store = share{7, true};
  ear told;
  followed_shares following(dir.path(), flags, told.listener());
  disk_shares expected;
  expected.store = {7, true};
  expected.reserve = {1, true};
  EXPECT_TRUE(told.hears(expected));
}

}  // namespace gkm::node
