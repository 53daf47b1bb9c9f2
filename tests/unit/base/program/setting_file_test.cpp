#include "base/program/setting_file.hpp"

#include "tests/support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <condition_variable>
#include <fstream>
#include <mutex>

namespace gkm::base {
namespace {
namespace fs = std::filesystem;
using support::temp_dir;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::chrono::seconds patience{30};  ///< never reached where the watch works

/// A folder as kubelet keeps one for a ConfigMap: each file is a link through "..data", which is
/// replaced whenever the object changes.
class mounted_config {
public:
  explicit mounted_config(fs::path dir) : dir_(std::move(dir)) { fs::create_directory(dir_); }

  void publish(const std::map<std::string, std::string>& data) {
    auto version = "..version-" + std::to_string(++versions_);
    fs::create_directory(dir_ / version);
    for (const auto& [key, value] : data) {
      std::ofstream(dir_ / version / key) << value;
      if (!fs::is_symlink(dir_ / key)) fs::create_symlink(fs::path("..data") / key, dir_ / key);
    }
    ASSERT_TRUE(replace_symlink(dir_ / "..data", version));
  }
  const fs::path& dir() const { return dir_; }

private:
  const fs::path dir_;
  int versions_ = 0;
};

class ear {
public:
  setting_file::listener listener() {
    return [this](const result<std::string>& value) {
      std::lock_guard lock(mutex_);
      heard_.push_back(value ? *value : "error " + std::string(to_string(value.error().code)));
      changed_.notify_all();
    };
  }
  bool hears(const std::vector<std::string>& all) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return heard_ == all; });
  }
  std::vector<std::string> heard() {
    std::lock_guard lock(mutex_);
    return heard_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> heard_;
};

template <class F>
std::string logged(F&& f) {
  testing::internal::CaptureStderr();
  log::configure(log::level::info, false);
  f();
  auto text = testing::internal::GetCapturedStderr();
  log::configure(log::level::warn, false);
  return text;
}

}  // namespace

TEST(setting_file, is_read_at_once_and_when_kubelet_swaps_the_folder) {
  temp_dir parent;
  mounted_config config(parent / "config");
  config.publish({{"level", "info\n"}});
  ear heard;
  auto file = setting_file::follow(config.dir(), "level", heard.listener());
  ASSERT_TRUE(file);
  EXPECT_EQ(heard.heard(), std::vector<std::string>{"info"});
  config.publish({{"level", "info"}, {"other", "x"}});
  config.publish({{"level", "debug"}});
  EXPECT_TRUE(heard.hears({"info", "debug"})) << ::testing::PrintToString(heard.heard());
}

TEST(setting_file, may_come_later_and_go) {
  temp_dir parent;
  ear heard;
  auto file = setting_file::follow(parent / "config", "level", heard.listener());
  ASSERT_TRUE(file);
  EXPECT_EQ(heard.heard(), std::vector<std::string>{"error not_found"});
  mounted_config config(parent / "config");
  config.publish({{"level", "warn"}});
  ASSERT_TRUE(heard.hears({"error not_found", "warn"}));
  config.publish({{"other", "x"}});
  EXPECT_TRUE(heard.hears({"error not_found", "warn", "error not_found"}));
}

TEST(setting_file, takes_neither_fifos_nor_floods) {
  temp_dir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  std::ofstream(dir / "flood") << std::string(100'000, 'x');
  for (const auto& [key, kind] :
       {std::pair{"fifo", "error malformed"}, std::pair{"flood", "error limit_exceeded"}}) {
    ear heard;
    ASSERT_TRUE(setting_file::follow(dir.path(), key, heard.listener()));
    EXPECT_EQ(heard.heard(), std::vector<std::string>{kind});
  }
}

TEST(level_setting, sets_the_level_and_says_so_once) {
  EXPECT_THAT(logged([] {
                level_setting setting("k", log::level::info);
                setting.take(std::string("info"));
                log::debug("unseen");
              }),
              IsEmpty());
  EXPECT_THAT(logged([] {
                level_setting setting("k", log::level::info);
                setting.take(std::string("debug"));
                setting.take(std::string("debug"));
                log::debug("seen");
              }),
              ::testing::MatchesRegex(".*Log level is set level=debug\n[^\n]*seen\n"));
}

TEST(level_setting, keeps_the_last_level_when_the_value_is_nonsense) {
  auto text = logged([] {
    level_setting setting("gkm.x.log.level", log::level::info);
    setting.take(std::string("debug"));
    setting.take(std::string("lo\x1bud"));
    setting.take(fail(errc::not_found, "no such file"));
    log::debug("still told");
  });
  EXPECT_THAT(text, HasSubstr("key=gkm.x.log.level value=lo?ud"));
  EXPECT_THAT(text, HasSubstr("error=\"no such file\""));
  EXPECT_THAT(text, HasSubstr("still told"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(level_setting, is_followed_from_a_folder) {
  temp_dir parent;
  EXPECT_FALSE(follow_level({}, "level", log::level::info));
  mounted_config config(parent / "config");
  config.publish({{"level", "debug"}});
  EXPECT_THAT(logged([&] {
                EXPECT_TRUE(follow_level(config.dir(), "level", log::level::info));
                log::debug("seen");
              }),
              HasSubstr("seen"));
}

}  // namespace gkm::base
