#include "base/directory_watch.hpp"

#include "tests/support/temp_dir.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <set>

namespace gkm::base {
namespace {
namespace fs = std::filesystem;
using support::temp_dir;

constexpr std::chrono::seconds patience{30};  ///< never reached where the watch works

void put(const fs::path& file, std::string_view content) { std::ofstream(file) << content; }

/// What a reader of the directory sees each time it is told to look.
class looker {
public:
  explicit looker(fs::path dir) : dir_(std::move(dir)) {}

  void look() {
    std::set<std::string> names;
    std::error_code ignored;
    for (fs::directory_iterator it(dir_, ignored), end; it != end; it.increment(ignored))
      names.insert(it->path().filename().string());
    std::lock_guard lock(mutex_);
    names_ = std::move(names);
    ++calls_;
    changed_.notify_all();
  }

  bool sees(const std::set<std::string>& names) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return names_ == names; });
  }
  size_t calls() {
    std::lock_guard lock(mutex_);
    return calls_;
  }
  bool called_after(size_t calls) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return calls_ > calls; });
  }

private:
  const fs::path dir_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> names_;
  size_t calls_ = 0;
};

class directory_watch_test : public testing::Test {
protected:
  directory_watch_test() : dir_(parent_ / "watched"), seen_(dir_) {
    fs::create_directory(dir_);
    auto started = directory_watch::start(dir_, [this] { seen_.look(); });
    if (started) watch_ = std::move(*started);
  }
  void SetUp() override { ASSERT_TRUE(watch_); }

  temp_dir parent_;
  fs::path dir_;
  looker seen_;
  std::unique_ptr<directory_watch> watch_;
};

}  // namespace

TEST_F(directory_watch_test, tells_of_a_file_that_was_written) {
  put(dir_ / "a", "x");
  EXPECT_TRUE(seen_.sees({"a"}));
}

TEST_F(directory_watch_test, tells_of_files_that_move_in_and_out) {
  put(parent_ / "a", "x");
  fs::rename(parent_ / "a", dir_ / "a");
  EXPECT_TRUE(seen_.sees({"a"}));
  fs::rename(dir_ / "a", parent_ / "a");
  EXPECT_TRUE(seen_.sees({}));
}

TEST_F(directory_watch_test, tells_of_a_file_that_was_deleted) {
  put(dir_ / "a", "x");
  ASSERT_TRUE(seen_.sees({"a"}));
  fs::remove(dir_ / "a");
  EXPECT_TRUE(seen_.sees({}));
}

TEST_F(directory_watch_test, tells_of_a_touch) {
  put(parent_ / "a", "x");
  fs::rename(parent_ / "a", dir_ / "a");
  ASSERT_TRUE(seen_.sees({"a"}));
  auto calls = seen_.calls();
  ASSERT_EQ(::utimensat(AT_FDCWD, (dir_ / "a").c_str(), nullptr, 0), 0);
  EXPECT_TRUE(seen_.called_after(calls));
}

TEST_F(directory_watch_test, follows_the_path_when_the_directory_is_replaced) {
  fs::create_directory(parent_ / "new");
  put(parent_ / "new" / "b", "x");
  fs::rename(dir_, parent_ / "old");
  fs::rename(parent_ / "new", dir_);
  EXPECT_TRUE(seen_.sees({"b"}));
  put(dir_ / "c", "x");
  EXPECT_TRUE(seen_.sees({"b", "c"}));
}

TEST_F(directory_watch_test, comes_back_when_the_directory_does) {
  fs::remove_all(dir_);
  fs::create_directory(dir_);
  put(dir_ / "a", "x");
  EXPECT_TRUE(seen_.sees({"a"}));
}

TEST(directory_watch, an_absent_directory_cannot_be_watched) {
  temp_dir dir;
  auto started = directory_watch::start(dir / "absent", [] {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::not_found);
  std::ofstream(dir / "file") << "x";
  EXPECT_FALSE(directory_watch::start(dir / "file", [] {}));
}

namespace {

/// Gathers what a watch with names tells.
class listener {
public:
  void hear(const directory_changes& changes) {
    std::lock_guard lock(mutex_);
    ++calls_;
    all_ += changes.all;
    names_.insert(changes.names.begin(), changes.names.end());
    told_.notify_all();
  }
  bool hears(const std::string& name) {
    std::unique_lock lock(mutex_);
    return told_.wait_for(lock, patience, [&] { return names_.contains(name); });
  }
  bool hears_all(size_t times) {
    std::unique_lock lock(mutex_);
    return told_.wait_for(lock, patience, [&] { return all_ >= times; });
  }
  bool began_with_all() {
    std::unique_lock lock(mutex_);
    told_.wait_for(lock, patience, [&] { return calls_ > 0; });
    return calls_ == 1 && all_ == 1 && names_.empty();
  }
  std::set<std::string> names() {
    std::lock_guard lock(mutex_);
    return names_;
  }

private:
  std::mutex mutex_;
  std::condition_variable told_;
  size_t calls_ = 0;
  size_t all_ = 0;
  std::set<std::string> names_;
};

}  // namespace

TEST(directory_watch_with_names, names_what_changed_and_nothing_else) {
  temp_dir dir;
  put(dir / "still", "x");
  listener heard;
  auto watch =
      directory_watch::start_named(dir.path(), [&](directory_changes c) { heard.hear(c); });
  ASSERT_TRUE(watch);
  EXPECT_TRUE(heard.began_with_all());
  put(dir / "a", "x");
  EXPECT_TRUE(heard.hears("a"));
  fs::rename(dir / "a", dir / "b");
  EXPECT_TRUE(heard.hears("b"));
  EXPECT_EQ(heard.names(), (std::set<std::string>{"a", "b"}));
}

TEST(directory_watch_with_names, a_directory_that_comes_later_is_looked_at_as_a_whole) {
  temp_dir dir;
  listener heard;
  auto watch =
      directory_watch::start_named(dir / "later", [&](directory_changes c) { heard.hear(c); });
  ASSERT_TRUE(watch);
  EXPECT_TRUE(heard.began_with_all());
  fs::create_directory(dir / "later");
  EXPECT_TRUE(heard.hears_all(2));
  put(dir / "later" / "a", "x");
  EXPECT_TRUE(heard.hears("a"));
}

}  // namespace gkm::base
