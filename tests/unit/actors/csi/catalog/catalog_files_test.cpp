/// The catalog as an enemy may have written it, and its changes as they come.

#include "actors/csi/catalog/catalog_files.hpp"

#include "base/program/log.hpp"
#include "messages/record.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>

namespace gkm::csi {
namespace {
namespace fs = std::filesystem;

class catalog : public testing::Test {
protected:
  catalog() {
    base::log::configure(base::log::level::off, false);
    port_ = std::move(*catalog_files::open(where_));
  }

  static catalog_record record_of(const cache_ref& ref) {
    catalog_record r;
    r.ref = ref;
    r.image = "a.example/b:c";
    r.resolved = r.manifest = digest{std::string(64, 'a')};
    r.state = cache_state::extracted;
    return r;
  }
  void write(const cache_ref& ref) {
    ASSERT_TRUE(
        base::write_file_atomically(where_.record(ref), print_catalog_record(record_of(ref))));
  }
  result<catalog_record> lookup(const cache_ref& ref) {
    std::promise<result<catalog_record>> answered;
    port_->lookup(ref, [&](result<catalog_record> r) { answered.set_value(std::move(r)); });
    return answered.get_future().get();
  }
  void expect_malformed(const char* what) {
    auto found = lookup(ref_);
    ASSERT_FALSE(found) << what;
    EXPECT_EQ(found.error().code, errc::malformed) << what << ": " << found.error().message;
  }
  /// In place of the record, made from nothing.
  fs::path place() {
    fs::remove_all(where_.caches());
    fs::create_directories(where_.cache(ref_));
    return where_.record(ref_);
  }

  const cache_ref ref_{"default", "a"};
  support::temp_dir dir_;
  paths where_ = paths::below(dir_ / "state");
  std::unique_ptr<catalog_files> port_;
};

/// What a watch saw, each time it called.
class sightings {
public:
  explicit sightings(std::function<std::string()> look) : look_(std::move(look)) {}

  std::function<void()> changed() {
    return [this] {
      std::lock_guard lock(mutex_);
      seen_ = look_();
      ++calls_;
      news_.notify_all();
    };
  }
  /// False if it does not come to this in time.
  bool comes_to(const std::string& wanted) {
    std::unique_lock lock(mutex_);
    return news_.wait_for(lock, std::chrono::seconds(20),
                          [&] { return calls_ > 0 && seen_ == wanted; });
  }
  int calls() {
    std::lock_guard lock(mutex_);
    return calls_;
  }

private:
  const std::function<std::string()> look_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::string seen_;
  int calls_ = 0;
};

}  // namespace

TEST_F(catalog, finds_what_the_agent_wrote) {
  const cache_ref cluster{"", "a"};
  write(ref_);
  write(cluster);
  EXPECT_EQ(lookup(ref_), record_of(ref_));
  EXPECT_EQ(lookup(cluster), record_of(cluster));
}

TEST_F(catalog, says_when_there_is_nothing_yet) {
  auto found = lookup(ref_);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, errc::not_found);
  fs::create_directories(where_.cache(ref_));
  EXPECT_EQ(lookup(ref_).error().code, errc::not_found);
}

TEST_F(catalog, refuses_names_that_are_paths) {
  for (const cache_ref& ref : {cache_ref{"..", "a"},
                               {"default", "../a"},
                               {"default", ""},
                               {"a/b", "c"},
                               {"default", std::string(300, 'a')}})
    EXPECT_EQ(lookup(ref).error().code, errc::invalid_argument);
}

TEST_F(catalog, trusts_no_link) {
  write({"default", "other"});
  fs::create_symlink(where_.record({"default", "other"}), place());
  expect_malformed("the record is a link");
  place();
  write({"default", "b"});
  fs::remove_all(where_.cache(ref_));
  fs::create_directory_symlink(where_.cache({"default", "b"}), where_.cache(ref_));
  expect_malformed("a directory is a link");
  fs::remove_all(where_.caches());
  fs::create_directories(dir_ / "outside" / "ns" / "default" / "a");
  fs::create_directory_symlink(dir_ / "outside", where_.caches());
  expect_malformed("the catalog is a link");
}

TEST_F(catalog, trusts_nothing_but_files) {
  auto file = place();
  ASSERT_EQ(::mkfifo(file.c_str(), 0666), 0);
  expect_malformed("a fifo");
  file = place();
  fs::create_directory(file);
  expect_malformed("a directory");
  file = place();
  fs::remove(file.parent_path());
  std::ofstream(file.parent_path()) << "a file";
  expect_malformed("a file on the way");
}

TEST_F(catalog, trusts_no_file_that_is_too_large_or_means_something_else) {
  std::ofstream(place()) << std::string(max_record_bytes + 1, ' ');
  expect_malformed("huge");
  std::ofstream(place()) << "{\"version\":1";
  expect_malformed("no JSON");
  std::ofstream(place()) << print_catalog_record(record_of({"kube-system", "a"}));
  expect_malformed("of another cache");
  std::ofstream(place()) << print_catalog_record(record_of({"", "a"}));
  expect_malformed("of a cluster's cache");
}

namespace {

class catalog_watch : public catalog {
protected:
  sightings seen_{[this] { return fs::exists(where_.record(ref_)) ? "there" : "gone"; }};
};

/// What inotify descriptors of this process watch, as the kernel tells.
int watches() {
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) count += line.starts_with("inotify wd:");
  }
  return count;
}

}  // namespace

TEST_F(catalog_watch, calls_once_soon) {
  auto watching = port_->watch(ref_, seen_.changed());
  EXPECT_TRUE(seen_.comes_to("gone"));
  write(ref_);
  EXPECT_TRUE(seen_.comes_to("there"));
}

TEST_F(catalog_watch, sees_a_record_whose_directories_come_one_by_one) {
  auto watching = port_->watch(ref_, seen_.changed());
  ASSERT_TRUE(seen_.comes_to("gone"));
  fs::create_directory(where_.caches());
  fs::create_directory(where_.caches() / "ns");
  fs::create_directory(where_.caches() / "ns" / "default");
  fs::create_directory(where_.cache(ref_));
  std::ofstream(where_.record(ref_)) << "written in place";
  EXPECT_TRUE(seen_.comes_to("there"));
  fs::remove(where_.record(ref_));
  EXPECT_TRUE(seen_.comes_to("gone"));
}

TEST_F(catalog_watch, sees_what_is_made_again) {
  write(ref_);
  auto watching = port_->watch(ref_, seen_.changed());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(seen_.comes_to("there")) << i;
    fs::remove_all(where_.caches());
    ASSERT_TRUE(seen_.comes_to("gone")) << i;
    write(ref_);
  }
}

TEST_F(catalog_watch, sees_a_directory_that_is_moved_into_place) {
  auto elsewhere = dir_ / "elsewhere";
  write(ref_);
  fs::rename(where_.caches(), elsewhere);
  auto watching = port_->watch(ref_, seen_.changed());
  ASSERT_TRUE(seen_.comes_to("gone"));
  fs::rename(elsewhere, where_.caches());
  EXPECT_TRUE(seen_.comes_to("there"));
}

TEST_F(catalog_watch, many_wait_for_different_caches) {
  constexpr int many = 50;
  std::vector<cache_ref> refs;
  std::vector<std::unique_ptr<sightings>> all;
  std::vector<std::unique_ptr<subscription>> watching;
  for (int i = 0; i < many; ++i) {
    refs.push_back({"default", "cache-" + std::to_string(i)});
    all.push_back(std::make_unique<sightings>(
        [this, ref = refs.back()] { return fs::exists(where_.record(ref)) ? "there" : "gone"; }));
    watching.push_back(port_->watch(refs.back(), all.back()->changed()));
  }
  for (const auto& ref : refs) write(ref);
  for (auto& s : all) EXPECT_TRUE(s->comes_to("there"));
}

TEST_F(catalog_watch, nothing_is_called_after_its_end_and_nothing_stays_watched) {
  auto before = watches();
  auto other = port_->watch({"", "other"}, [] {});
  auto watching = port_->watch(ref_, seen_.changed());
  write(ref_);
  ASSERT_TRUE(seen_.comes_to("there"));
  EXPECT_GT(watches(), before);
  watching.reset();
  auto calls = seen_.calls();
  fs::remove_all(where_.caches());
  write({"", "other"});
  EXPECT_EQ(seen_.calls(), calls);
  other.reset();
  EXPECT_TRUE(support::eventually("no watches are left", [&] { return watches() == before; }));
}

}  // namespace gkm::csi
