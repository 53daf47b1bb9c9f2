#include "actors/node/disk/recovery.hpp"

#include "actors/node/disk/list_caches.hpp"
#include "base/files.hpp"
#include "base/program/log.hpp"
#include "messages/record.hpp"
#include "messages/volume.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace gkm::node {
namespace {
namespace fs = std::filesystem;

digest digest_of(char c) { return digest{std::string(64, c)}; }

void put(const fs::path& file, std::string_view content) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << content;
}

class recovery_test : public testing::Test {
protected:
  recovery_test() : p_(paths::below(dir_ / "state")) {
    base::log::configure(base::log::level::off, false);
    fs::create_directories(p_.store());
    fs::create_directories(p_.staging());
    fs::create_directories(p_.caches());
  }

  stored_cache facts(char c) { return {digest_of(c), "triton", 1, 3, {}, {}}; }
  void store(char c) {
    auto home = p_.stored(digest_of(c));
    put(home / paths::content / "kernel", "abc");
    put(home / paths::meta, print_stored_cache(facts(c)));
  }
  void mark(char c, std::string_view boot) { put(p_.stored(digest_of(c)) / paths::unsynced, boot); }
  bool is_stored(char c) { return fs::exists(p_.stored(digest_of(c))); }

  void use(char c) {
    volume_record r;
    r.volume_id = "csi-1";
    r.boot = "this-boot";
    r.target = "/target";
    r.ref = {"default", "c"};
    r.manifest = digest_of(c);
    put(p_.volume("csi-1"), print_volume_record(r));
  }

  recovered recover() {
    auto found = recover_in_use();
    EXPECT_TRUE(fs::is_empty(p_.staging()));
    return found;
  }
  /// Staging may hold what a volume uses.
  recovered recover_in_use() {
    auto found = recover_state(p_, "this-boot");
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(recovered{});
  }

  support::temp_dir dir_;
  paths p_;
};

catalog_record unknown(const cache_ref& ref) {
  catalog_record r;
  r.ref = ref;
  r.state = cache_state::error;
  return r;
}

}  // namespace

TEST_F(recovery_test, a_fresh_directory_holds_nothing) { EXPECT_EQ(recover(), recovered{}); }

TEST_F(recovery_test, what_was_synced_is_found) {
  store('a');
  EXPECT_EQ(recover(), (recovered{{facts('a')}, {}, {}}));
}

TEST_F(recovery_test, what_this_boot_left_unsynced_is_kept_and_listed) {
  store('a');
  mark('a', "this-boot");
  EXPECT_EQ(recover(), (recovered{{facts('a')}, {}, {digest_of('a')}}));
}

TEST_F(recovery_test, what_another_boot_left_unsynced_is_dropped) {
  store('a');
  mark('a', "another-boot");
  store('b');
  mark('b', "");
  store('c');
  mark('c', std::string(1'000, 'x'));
  EXPECT_EQ(recover(), recovered{});
  for (char c : {'a', 'b', 'c'}) EXPECT_FALSE(is_stored(c)) << c;
}

TEST_F(recovery_test, what_is_not_whole_is_dropped) {
  store('a');
  put(p_.stored(digest_of('a')) / paths::meta, "{");
  store('b');
  fs::remove(p_.stored(digest_of('b')) / paths::meta);
  store('c');
  fs::remove_all(p_.stored(digest_of('c')) / paths::content);
  store('d');
  put(p_.stored(digest_of('d')) / paths::meta, print_stored_cache(facts('e')));
  EXPECT_EQ(recover(), recovered{});
  EXPECT_TRUE(fs::is_empty(p_.store()));
}

TEST_F(recovery_test, what_is_no_digests_directory_is_dropped_without_following_links) {
  put(p_.store() / "not-a-digest" / "f", "x");
  put(p_.store() / digest_of('a').hex, "a file");
  put(dir_ / "elsewhere" / "kept", "x");
  fs::create_directory_symlink(dir_ / "elsewhere", p_.stored(digest_of('b')));
  store('c');
  fs::remove_all(p_.stored(digest_of('c')) / paths::content);
  fs::create_directory_symlink(dir_ / "elsewhere", p_.stored(digest_of('c')) / paths::content);
  EXPECT_EQ(recover(), recovered{});
  EXPECT_TRUE(fs::is_empty(p_.store()));
  EXPECT_TRUE(fs::exists(dir_ / "elsewhere" / "kept"));
}

TEST_F(recovery_test, staging_is_emptied) {
  put(p_.staging() / "half" / "content" / "f", "x");
  put(p_.staging() / "file", "x");
  EXPECT_EQ(recover(), recovered{});
}

TEST_F(recovery_test, what_was_being_taken_out_of_the_store_goes_back) {
  for (char c : {'a', 'b'}) {
    store(c);
    fs::rename(p_.stored(digest_of(c)), p_.taken_out(digest_of(c)));
  }
  use('a');
  auto found = recover();
  EXPECT_EQ(found.stored.size(), 2u) << "collecting what is not used is for later";
  EXPECT_TRUE(is_stored('a'));
}

TEST_F(recovery_test, what_was_taken_out_and_stored_again_is_there_once) {
  store('a');
  put(p_.taken_out(digest_of('a')) / paths::content / "kernel", "older");
  EXPECT_EQ(recover(), (recovered{{facts('a')}, {}, {}}));
  EXPECT_EQ(base::read_file(p_.stored(digest_of('a')) / paths::content / "kernel", 10), "abc");
}

TEST_F(recovery_test, what_is_damaged_but_in_use_makes_room_and_keeps_its_files) {
  store('a');
  put(p_.stored(digest_of('a')) / paths::meta, "{");
  use('a');
  for (int starts = 0; starts < 2; ++starts) {
    EXPECT_EQ(recover_in_use(), recovered{});
    EXPECT_FALSE(is_stored('a'));
    ASSERT_EQ(std::distance(fs::directory_iterator(p_.staging()), {}), 1);
    auto kept = fs::directory_iterator(p_.staging())->path();
    EXPECT_TRUE(fs::exists(kept / paths::content / "kernel"));
  }
  fs::remove(p_.volume("csi-1"));
  EXPECT_EQ(recover(), recovered{});
}

TEST_F(recovery_test, what_a_later_version_stored_stays_where_it_is) {
  store('a');
  auto text = print_stored_cache(facts('a'));
  text.replace(text.find(R"("version": 1)"), 12, R"("version": 2)");
  text.replace(text.find(R"("triton")"), 8, R"(["triton"])");
  put(p_.stored(digest_of('a')) / paths::meta, text);
  EXPECT_EQ(recover(), recovered{});
  EXPECT_TRUE(is_stored('a'));
}

TEST_F(recovery_test, records_are_read_and_temporary_files_swept) {
  catalog_record good{{"default", "x"},
                      "a.example/b:c",
                      digest_of('b'),
                      digest_of('a'),
                      cache_state::extracted,
                      "",
                      {}};
  put(p_.record(good.ref), print_catalog_record(good));
  auto temporary = p_.cache(good.ref) / ".record.json.0123";
  put(temporary, "{");
  EXPECT_EQ(recover(), (recovered{{}, {good}, {}}));
  EXPECT_FALSE(fs::exists(temporary));
}

TEST_F(recovery_test, a_record_that_does_not_parse_is_set_aside) {
  const cache_ref ref{"", "x"};
  put(p_.record(ref), "{}");
  EXPECT_EQ(recover(), (recovered{{}, {unknown(ref)}, {}}));
  EXPECT_FALSE(fs::exists(p_.record(ref)));
  EXPECT_EQ(base::read_file(p_.record(ref).string() + ".rejected", 10), "{}");
}

TEST_F(recovery_test, a_record_of_another_cache_is_set_aside) {
  const cache_ref ref{"default", "x"};
  catalog_record other;
  other.ref = {"default", "y"};
  put(p_.record(ref), print_catalog_record(other));
  EXPECT_EQ(recover(), (recovered{{}, {unknown(ref)}, {}}));
  EXPECT_TRUE(fs::exists(p_.record(ref).string() + ".rejected"));
}

TEST_F(recovery_test, a_cache_without_a_record_is_known_by_its_directory) {
  const cache_ref ref{"default", "x"};
  put(p_.status(ref), "whatever");
  EXPECT_EQ(recover(), (recovered{{}, {unknown(ref)}, {}}));
}

TEST_F(recovery_test, fails_where_a_directory_cannot_be_read) {
  fs::remove_all(p_.staging());
  EXPECT_FALSE(recover_state(p_, "this-boot"));
}

TEST_F(recovery_test, only_valid_names_are_caches) {
  for (auto name : {"ns/default/b", "ns/default/a", "ns/default/A", "ns/default/.hidden", "ns/-x/a",
                    "cluster/z", "cluster/a_b", "ns/cluster/c", "other/d/e"})
    fs::create_directories(p_.caches() / name);
  put(p_.caches() / "cluster" / "file", "x");
  EXPECT_EQ(list_caches(p_), (std::vector<cache_ref>{
                                 {"", "z"}, {"cluster", "c"}, {"default", "a"}, {"default", "b"}}));
  EXPECT_TRUE(list_caches(paths::below(dir_ / "absent")).empty());
}

}  // namespace gkm::node
