/// The contract of disk_port, for the real directory and for the simulation's: what the store actor
/// relies on. What only a real disk has follows below.

#include "actors/node/disk/state_dir.hpp"
#include "base/program/log.hpp"
#include "messages/record.hpp"
#include "tests/support/sim/sim_ports.hpp"
#include "tests/support/temp_dir.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <future>

namespace gkm::node {
namespace {
namespace fs = std::filesystem;

digest digest_of(char c) { return digest{std::string(64, c)}; }
stored_cache facts(char c) { return {digest_of(c), "triton", 1, 3, {}, {}}; }
catalog_record record_of(const cache_ref& ref, char c) {
  return {ref, "a.example/b:c", digest_of(c), digest_of(c), cache_state::extracted, "", {}};
}

/// A disk, and what it takes to make it answer.
class bench {
public:
  virtual ~bench() = default;
  virtual disk_port& port() = 0;
  virtual void fill(const std::string& staging) = 0;
  virtual void answer() {}
  virtual void restart() {}
  /// A volume says that it uses this digest, or none.
  virtual void use(char c) = 0;
  virtual void use_nothing() = 0;
};

class real_bench : public bench {
public:
  real_bench() { real_bench::restart(); }
  disk_port& port() override { return *state_; }
  void fill(const std::string& staging) override {
    std::ofstream(fs::path(staging) / paths::content / "kernel") << "abc";
  }
  void restart() override {
    state_.reset();
    // However full the disk of this machine is.
    auto opened = state_dir::open(where(), {{100, true}, {100, true}, {0, true}});
    if (opened) state_ = std::move(*opened);
  }
  void use(char c) override { record_volume(c, base::boot_id().value_or("")); }
  void record_volume(char c, const std::string& boot) {
    volume_record r;
    r.volume_id = "csi-1";
    r.boot = boot;
    r.target = "/target";
    r.ref = {"default", "c"};
    r.manifest = digest_of(c);
    EXPECT_TRUE(base::write_file_atomically(where().volume("csi-1"), print_volume_record(r)));
  }
  void use_nothing() override { fs::remove(where().volume("csi-1")); }
  paths where() const { return paths::below(dir_ / "state"); }
  state_dir& state() { return *state_; }

private:
  support::temp_dir dir_;
  std::unique_ptr<state_dir> state_;
};

class fake_bench : public bench {
public:
  fake_bench() {
    world_.chaos().stop();
    disk_.statuses = &status_.seen;
  }
  disk_port& port() override { return disk_; }
  void use(char c) override {
    disk_.is_in_use = [c](const digest& d) { return d == digest_of(c); };
  }
  void use_nothing() override {
    disk_.is_in_use = [](const digest&) { return false; };
  }
  void fill(const std::string& staging) override { node_.staging.at(staging).whole = true; }
  void answer() override {
    world_.run(sim::duration(1'000), [] {});
  }

private:
  sim::world world_{1};
  sim::fake_node node_;
  sim::fake_disk disk_{world_, node_};
  sim::fake_status status_{world_};
};

template <class T, class F>
result<T> ask(bench& b, F&& question) {
  std::promise<result<T>> answered;
  question(b.port(), [&](result<T> outcome) { answered.set_value(std::move(outcome)); });
  b.answer();
  return answered.get_future().get();
}

std::string stage(bench& b) {
  auto dir = ask<std::string>(b, [](auto& disk, auto reply) { disk.stage(3, reply); });
  EXPECT_TRUE(dir) << dir.error().message;
  if (dir) b.fill(*dir);
  return dir.value_or("");
}
result<done> commit(bench& b, const std::string& staging, char c) {
  return ask<done>(b, [&](auto& d, auto reply) { d.commit(staging, facts(c), reply); });
}
recovered recover(bench& b) {
  b.restart();
  auto found = ask<recovered>(b, [](auto& disk, auto reply) { disk.recover(reply); });
  EXPECT_TRUE(found);
  return found.value_or(recovered{});
}

class disk_port_test : public testing::TestWithParam<const char*> {
protected:
  disk_port_test() {
    base::log::configure(base::log::level::off, false);
    if (GetParam() == std::string("real"))
      bench_ = std::make_unique<real_bench>();
    else
      bench_ = std::make_unique<fake_bench>();
  }
  bench& disk() { return *bench_; }

private:
  std::unique_ptr<bench> bench_;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(all, disk_port_test, testing::Values("real", "fake"),
                         [](const auto& which) { return std::string(which.param); });

TEST_P(disk_port_test, what_was_committed_is_found_again) {
  ASSERT_TRUE(commit(disk(), stage(disk()), 'a'));
  EXPECT_EQ(recover(disk()), (recovered{{facts('a')}, {}, {digest_of('a')}}));
}

TEST_P(disk_port_test, a_sync_takes_the_mark_away) {
  ASSERT_TRUE(commit(disk(), stage(disk()), 'a'));
  EXPECT_TRUE(ask<done>(disk(), [](auto& d, auto reply) { d.sync(digest_of('a'), reply); }));
  EXPECT_EQ(recover(disk()), (recovered{{facts('a')}, {}, {}}));
  EXPECT_TRUE(ask<done>(disk(), [](auto& d, auto reply) { d.sync(digest_of('f'), reply); }));
}

TEST_P(disk_port_test, a_digest_is_committed_once) {
  ASSERT_TRUE(commit(disk(), stage(disk()), 'a'));
  auto again = commit(disk(), stage(disk()), 'a');
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::io);
  EXPECT_EQ(recover(disk()).stored.size(), 1u);
}

TEST_P(disk_port_test, what_was_removed_is_gone_and_may_come_back) {
  ASSERT_TRUE(commit(disk(), stage(disk()), 'a'));
  auto remove = [](auto& d, auto reply) { d.remove(digest_of('a'), reply); };
  EXPECT_TRUE(ask<done>(disk(), remove));
  EXPECT_TRUE(ask<done>(disk(), remove)) << "nothing there is success";
  EXPECT_TRUE(commit(disk(), stage(disk()), 'a'));
  EXPECT_TRUE(ask<done>(disk(), remove));
  EXPECT_EQ(recover(disk()), recovered{});
}

TEST_P(disk_port_test, what_a_volume_uses_is_not_removed) {
  ASSERT_TRUE(commit(disk(), stage(disk()), 'a'));
  ASSERT_TRUE(commit(disk(), stage(disk()), 'b'));
  auto remove = [](char c) { return [c](auto& d, auto reply) { d.remove(digest_of(c), reply); }; };
  disk().use('a');
  auto refused = ask<done>(disk(), remove('a'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::busy);
  EXPECT_TRUE(ask<done>(disk(), remove('b')));
  EXPECT_EQ(recover(disk()).stored, (std::vector{facts('a')}));
  disk().use_nothing();
  EXPECT_TRUE(ask<done>(disk(), remove('a')));
  disk().use('a');
  EXPECT_TRUE(ask<done>(disk(), remove('a'))) << "nothing there is success, whoever names it";
  EXPECT_EQ(recover(disk()).stored, std::vector<stored_cache>{});
}

TEST_P(disk_port_test, what_was_discarded_cannot_be_committed) {
  auto dir = stage(disk());
  EXPECT_TRUE(ask<done>(disk(), [&](auto& d, auto reply) { d.discard(dir, reply); }));
  EXPECT_FALSE(commit(disk(), dir, 'a'));
  EXPECT_EQ(recover(disk()), recovered{});
}

TEST_P(disk_port_test, refuses_what_does_not_fit) {
  for (uint64_t bytes : {uint64_t{1} << 60, UINT64_MAX - 1'000, UINT64_MAX}) {
    auto dir = ask<std::string>(disk(), [=](auto& d, auto reply) { d.stage(bytes, reply); });
    ASSERT_FALSE(dir) << bytes;
    EXPECT_EQ(dir.error().code, errc::no_space);
  }
}

TEST_P(disk_port_test, records_are_remembered_until_they_are_forgotten) {
  const cache_ref a{"default", "a"}, b{"", "b"};
  for (const auto& ref : {a, b}) {
    auto path = ask<std::string>(
        disk(), [&](auto& d, auto reply) { d.write_record(record_of(ref, 'a'), reply); });
    ASSERT_TRUE(path);
    EXPECT_FALSE(path->empty());
  }
  EXPECT_EQ(recover(disk()).records.size(), 2u);
  EXPECT_TRUE(ask<done>(disk(), [&](auto& d, auto reply) { d.forget(a, reply); }));
  EXPECT_TRUE(ask<done>(disk(), [&](auto& d, auto reply) { d.forget(a, reply); }));
  EXPECT_EQ(recover(disk()), (recovered{{}, {record_of(b, 'a')}, {}}));
}

TEST_P(disk_port_test, records_and_forgets_keep_their_order) {
  const cache_ref ref{"default", "a"};
  auto& d = disk().port();
  for (int i = 0; i < 20; ++i) {
    d.forget(ref, [](const result<done>&) {});
    d.write_record(record_of(ref, i % 2 ? 'a' : 'b'), [](const result<std::string>&) {});
  }
  disk().answer();
  EXPECT_EQ(recover(disk()).records, (std::vector{record_of(ref, 'a')}));
}

namespace {

unsigned mode_of(const fs::path& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

}  // namespace

TEST(state_dir, makes_its_directories_with_the_right_modes_whatever_the_umask) {
  auto before = ::umask(077);
  real_bench disk;
  auto staging = stage(disk);
  ::umask(before);
  auto p = disk.where();
  EXPECT_EQ(mode_of(p.root), 0755u);
  EXPECT_EQ(mode_of(p.caches()), 0755u);
  EXPECT_EQ(mode_of(p.store()), 0700u);
  EXPECT_EQ(mode_of(p.staging()), 0700u);
  EXPECT_EQ(mode_of(staging), 0700u);
  EXPECT_EQ(mode_of(fs::path(staging) / paths::content), 0777u);
}

TEST(state_dir, exposes_the_content_by_a_link_while_it_is_usable) {
  real_bench disk;
  const cache_ref ref{"default", "a"};
  ASSERT_TRUE(commit(disk, stage(disk), 'a'));
  auto write = [&](const catalog_record& r) {
    return ask<std::string>(disk, [&](auto& d, auto reply) { d.write_record(r, reply); });
  };
  auto path = write(record_of(ref, 'a'));
  ASSERT_TRUE(path);
  EXPECT_EQ(*path, disk.where().exposed(ref));
  EXPECT_TRUE(fs::exists(fs::path(*path) / "kernel"));
  EXPECT_TRUE(fs::read_symlink(*path).is_absolute());
  auto broken = record_of(ref, 'a');
  broken.state = cache_state::error;
  EXPECT_EQ(write(broken), "");
  EXPECT_FALSE(fs::is_symlink(disk.where().exposed(ref)));
}

TEST(state_dir, puts_back_what_is_in_use_as_it_was) {
  real_bench disk;
  ASSERT_TRUE(commit(disk, stage(disk), 'a'));
  auto home = disk.where().stored(digest_of('a'));
  base::fd before(::open(home.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  disk.use('a');
  EXPECT_FALSE(ask<done>(disk, [](auto& d, auto reply) { d.remove(digest_of('a'), reply); }));
  struct stat then {
  }, now{};
  ASSERT_EQ(::fstat(before.get(), &then), 0);
  ASSERT_EQ(::lstat(home.c_str(), &now), 0);
  EXPECT_EQ(then.st_ino, now.st_ino);
  EXPECT_TRUE(fs::exists(home / paths::content / "kernel"));
  EXPECT_TRUE(fs::is_empty(disk.where().staging()));
}

TEST(state_dir, records_that_stand_for_nothing_keep_nothing) {
  real_bench disk;
  auto remove = [](auto& d, auto reply) { d.remove(digest_of('a'), reply); };
  ASSERT_TRUE(commit(disk, stage(disk), 'a'));
  disk.record_volume('a', "another-boot");
  EXPECT_TRUE(ask<done>(disk, remove));
}

TEST(state_dir, removes_nothing_for_a_record_that_it_does_not_understand) {
  real_bench disk;
  auto remove = [](auto& d, auto reply) { d.remove(digest_of('a'), reply); };
  ASSERT_TRUE(commit(disk, stage(disk), 'a'));
  disk.use('a');
  auto file = disk.where().volume("csi-1");
  auto own = base::read_file(file, 1 << 16).value_or("");
  auto with = [&](std::string_view what, std::string_view by) {
    auto text = own;
    std::ofstream(file) << text.replace(text.find(what), what.size(), by);
    return ask<done>(disk, remove).has_value();
  };
  EXPECT_FALSE(with(R"("version": 1)", R"("version": 2)"));
  EXPECT_FALSE(with(R"("overlay")", R"("snapshot")"));
  EXPECT_FALSE(with(R"("intent")", R"("prepared")"));
  EXPECT_FALSE(with(R"("digest")", R"("content")"));
  EXPECT_FALSE(with("{", ""));
  EXPECT_TRUE(fs::exists(disk.where().stored(digest_of('a')) / paths::content / "kernel"));
  fs::remove(file);
  EXPECT_TRUE(ask<done>(disk, remove));
}

TEST(state_dir, what_a_later_version_stored_makes_way_for_the_same_digest) {
  real_bench disk;
  ASSERT_TRUE(commit(disk, stage(disk), 'a'));
  auto meta = disk.where().stored(digest_of('a')) / paths::meta;
  auto text = base::read_file(meta, 1 << 16).value_or("");
  text.replace(text.find(R"("version": 1)"), 12, R"("version": 2)");
  text.replace(text.find(R"("triton")"), 8, R"(["triton"])");
  std::ofstream(meta) << text;
  EXPECT_TRUE(recover(disk).stored.empty());
  ASSERT_TRUE(commit(disk, stage(disk), 'a'));
  EXPECT_EQ(recover(disk).stored.size(), 1u);
}

TEST(state_dir, a_tree_of_a_later_layout_is_refused_and_left_alone) {
  support::temp_dir dir;
  auto where = paths::below(dir / "state");
  ASSERT_TRUE(state_dir::open(where));
  EXPECT_EQ(base::read_file(where.layout(), 64), "1\n");
  for (std::string later : {"2\n", "99999999999999999999", "two", ""}) {
    std::ofstream(where.layout()) << later;
    auto opened = state_dir::open(where);
    ASSERT_FALSE(opened) << later;
    EXPECT_EQ(opened.error().code, errc::refused);
    EXPECT_NE(opened.error().message.find(where.layout().string()), std::string::npos);
  }
  std::ofstream(where.layout()) << "1\n";
  EXPECT_TRUE(state_dir::open(where));
}

TEST(state_dir, removes_nothing_while_it_cannot_tell_what_is_used) {
  real_bench disk;
  auto remove = [](auto& d, auto reply) { d.remove(digest_of('a'), reply); };
  ASSERT_TRUE(commit(disk, stage(disk), 'a'));
  fs::create_directories(disk.where().run);
  std::ofstream(disk.where().volumes()) << "not a directory";
  EXPECT_FALSE(ask<done>(disk, remove));
  EXPECT_EQ(recover(disk).stored.size(), 1u);
  fs::remove(disk.where().volumes());
  EXPECT_TRUE(ask<done>(disk, remove));
}

TEST(state_dir, what_could_not_be_put_back_before_is_not_in_the_way) {
  real_bench disk;
  ASSERT_TRUE(commit(disk, stage(disk), 'a'));
  auto left = disk.where().taken_out(digest_of('a'));
  fs::create_directories(left / paths::content);
  EXPECT_TRUE(ask<done>(disk, [](auto& d, auto reply) { d.remove(digest_of('a'), reply); }));
  EXPECT_FALSE(fs::exists(disk.where().stored(digest_of('a'))));
}

TEST(state_dir, belongs_to_one) {
  real_bench disk;
  auto second = state_dir::open(disk.where());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::busy);
}

TEST(state_dir, statuses_lie_beside_the_records_and_go_with_them) {
  real_bench disk;
  cache_status s;
  s.ref = {"default", "a"};
  s.message = "one";
  auto file = disk.where().status(s.ref);
  auto write = [&](auto&, auto reply) { disk.state().write(s, reply); };
  auto erase = [&](auto&, auto reply) { disk.state().erase(s.ref, reply); };
  ASSERT_TRUE(ask<done>(disk, write));
  auto text = base::read_file(file, max_record_bytes);
  ASSERT_TRUE(text);
  EXPECT_EQ(parse_cache_status(*text), s);
  ASSERT_TRUE(ask<done>(disk, erase));
  ASSERT_TRUE(ask<done>(disk, erase)) << "nothing there is success";
  EXPECT_FALSE(fs::exists(file.parent_path().parent_path())) << "empty directories go too";
  ASSERT_TRUE(ask<done>(disk, write));
  ASSERT_TRUE(ask<done>(disk, [&](auto& d, auto reply) { d.forget(s.ref, reply); }));
  EXPECT_FALSE(fs::exists(file));
}

TEST(state_dir, its_end_carries_out_the_small_steps_that_were_asked) {
  real_bench disk;
  const cache_ref ref{"default", "a"};
  disk.port().write_record(record_of(ref, 'a'), [](const result<std::string>&) {});
  EXPECT_EQ(recover(disk).records, (std::vector{record_of(ref, 'a')}));
}

}  // namespace gkm::node
