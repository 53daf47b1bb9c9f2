#include "actors/node/disk/volume_record_watch.hpp"

#include "base/files.hpp"
#include "base/program/log.hpp"
#include "base/sha256.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>

namespace gkm::node {
namespace {
namespace fs = std::filesystem;

constexpr std::chrono::seconds patience{30};  ///< never reached where the watch works

volume_record record(const std::string& id, volume_phase phase = volume_phase::mounted) {
  volume_record r;
  r.volume_id = id;
  r.phase = phase;
  r.boot = "this-boot";
  r.target = "/target";
  r.ref = {"default", "c"};
  r.manifest.hex = std::string(64, 'a');
  return r;
}

std::string key_of(const std::string& id) { return base::sha256::of(id).hex; }

class usage_files_test : public testing::Test {
protected:
  usage_files_test() : where_(paths::below(dir_ / "state")) {
    base::log::configure(base::log::level::off, false);
  }
  ~usage_files_test() override { files_.reset(); }

  void write(const volume_record& r) { put(key_of(r.volume_id), print_volume_record(r)); }
  void put(const std::string& key, std::string_view text) {
    ASSERT_TRUE(base::write_file_atomically(where_.volume(key), text));
  }
  void erase(const std::string& id) { fs::remove(where_.volume(key_of(id))); }

  void watch() {
    files_ = std::make_unique<volume_record_watch>(where_, "this-boot");
    files_->watch([this](std::vector<volume_record_change> changes) {
      std::lock_guard lock(mutex_);
      calls_.push_back(changes);
      for (auto& c : changes) {
        if (c.record)
          seen_[c.record->volume_id] = *c.record;
        else
          std::erase_if(seen_, [&](const auto& entry) { return key_of(entry.first) == c.key; });
      }
      told_.notify_all();
    });
  }
  bool sees(const std::map<std::string, volume_record>& what) {
    std::unique_lock lock(mutex_);
    return told_.wait_for(lock, patience, [&] { return !calls_.empty() && seen_ == what; });
  }
  size_t calls() {
    std::lock_guard lock(mutex_);
    return calls_.size();
  }
  /// How many changes were told of a volume.
  size_t changes_of(const std::string& id) {
    std::lock_guard lock(mutex_);
    size_t n = 0;
    for (const auto& call : calls_)
      for (const auto& c : call) n += c.key == key_of(id);
    return n;
  }

  support::temp_dir dir_;
  paths where_;

private:
  std::mutex mutex_;
  std::condition_variable told_;
  std::vector<std::vector<volume_record_change>> calls_;
  std::map<std::string, volume_record> seen_;
  std::unique_ptr<volume_record_watch> files_;
};

}  // namespace

TEST_F(usage_files_test, the_first_call_has_all_there_is) {
  write(record("one"));
  write(record("two", volume_phase::intent));
  watch();
  EXPECT_TRUE(sees({{"one", record("one")}, {"two", record("two", volume_phase::intent)}}));
  EXPECT_EQ(calls(), 1u);
}

TEST_F(usage_files_test, a_directory_that_is_not_there_holds_nothing_yet) {
  watch();
  EXPECT_TRUE(sees({}));
  write(record("one"));
  EXPECT_TRUE(sees({{"one", record("one")}}));
}

TEST_F(usage_files_test, follows_records_and_tells_only_what_changed) {
  write(record("still"));
  write(record("one", volume_phase::intent));
  watch();
  ASSERT_TRUE(sees({{"still", record("still")}, {"one", record("one", volume_phase::intent)}}));
  write(record("one"));
  EXPECT_TRUE(sees({{"still", record("still")}, {"one", record("one")}}));
  erase("one");
  EXPECT_TRUE(sees({{"still", record("still")}}));
  EXPECT_EQ(changes_of("still"), 1u);
}

TEST_F(usage_files_test, what_went_with_its_directory_has_vanished) {
  write(record("one"));
  watch();
  ASSERT_TRUE(sees({{"one", record("one")}}));
  fs::rename(where_.volumes(), dir_ / "elsewhere");
  write(record("two"));
  EXPECT_TRUE(sees({{"two", record("two")}}));
}

TEST_F(usage_files_test, what_cannot_be_trusted_is_ignored) {
  auto old = record("old");
  old.boot = "another-boot";
  write(old);
  put(key_of("bad"), "{");
  put(key_of("large"), std::string(2 << 20, ' '));
  put(key_of("other"), print_volume_record(record("one")));
  put("short", print_volume_record(record("one")));
  fs::create_directory(where_.volume(key_of("directory")));
  ASSERT_TRUE(base::write_file_atomically(where_.volumes() / "notes.txt", "x"));
  watch();
  EXPECT_TRUE(sees({}));
  write(record("one"));
  EXPECT_TRUE(sees({{"one", record("one")}}));
}

TEST_F(usage_files_test, a_record_that_turns_bad_leaves_what_was_known) {
  write(record("one"));
  watch();
  ASSERT_TRUE(sees({{"one", record("one")}}));
  put(key_of("one"), "{");
  write(record("two"));
  EXPECT_TRUE(sees({{"one", record("one")}, {"two", record("two")}}));
  erase("one");
  EXPECT_TRUE(sees({{"two", record("two")}}));
}

}  // namespace gkm::node
