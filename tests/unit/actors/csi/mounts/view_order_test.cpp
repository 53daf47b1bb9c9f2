/// Volumes that take long, and others that do not wait for them.

#include "actors/csi/files/copy_tree.hpp"
#include "volume_fixture.hpp"

#include <fcntl.h>

namespace gkm::csi {
namespace {

class view_order : public volume_fixture {
protected:
  static constexpr int many = 8;

  void TearDown() override {
    let_go_.set_value();
    volume_fixture::TearDown();
  }
  /// Mounts it; whoever does so then goes on with that for the whole test.
  void keep_busy_with(const volume_record& r) {
    port_->mount(r, {}, [go = go_](const result<volume_record>&) { go.wait(); });
  }
  bool is_mounted_meanwhile(const volume_record& r) {
    auto answered = std::make_shared<std::promise<bool>>();
    auto answer = answered->get_future();
    port_->mount(
        r, {}, [answered](const result<volume_record>& v) { answered->set_value(v.has_value()); });
    constexpr std::chrono::seconds far_too_long{20};
    return answer.wait_for(far_too_long) == std::future_status::ready && answer.get();
  }
  volume_record seen_at(const std::string& path, const std::string& id) {
    auto r = record(id);
    r.mount_path = path;
    return r;
  }

  volume_record large(const std::string& id) {
    auto r = record(id, view_kind::copy);
    r.cache_bytes = 1ULL << 30;
    return r;
  }
  static volume_record of(const std::string& ns, volume_record r) {
    r.pod_ns = ns;
    return r;
  }

private:
  std::promise<void> let_go_;
  std::shared_future<void> go_ = let_go_.get_future().share();
};

}  // namespace

TEST_F(view_order, nobody_waits_behind_copies) {
  list_index('a');
  ASSERT_TRUE(mount(seen_at("/known", "first")));
  for (int i = 0; i < many; ++i)
    keep_busy_with(record("copy" + std::to_string(i), view_kind::copy));
  EXPECT_TRUE(is_mounted_meanwhile(record("v1")));
  EXPECT_TRUE(is_mounted_meanwhile(seen_at("/known", "second"))) << "its layer is there";
  EXPECT_TRUE(is_mounted_meanwhile(record("v2", view_kind::empty)));
}

TEST_F(view_order, nobody_waits_behind_layers_that_are_made) {
  list_index('a');
  store('b');
  for (int i = 0; i < many; ++i)
    keep_busy_with(seen_at("/p" + std::to_string(i), "v" + std::to_string(i)));
  EXPECT_TRUE(is_mounted_meanwhile(record("ordinary")));
  auto other = record("other", view_kind::overlay, 'b');
  other.mount_path = "/p";
  EXPECT_TRUE(is_mounted_meanwhile(other)) << "it needs no layer";
}

TEST_F(view_order, copies_of_one_namespace_hold_up_nobody_elses) {
  list_index('a');
  for (int i = 0; i < many; ++i) {
    keep_busy_with(of("greedy", large("large" + std::to_string(i))));
    keep_busy_with(of("greedy", record("small" + std::to_string(i), view_kind::copy)));
  }
  EXPECT_TRUE(is_mounted_meanwhile(of("other", large("a large one"))));
  EXPECT_TRUE(is_mounted_meanwhile(of("other", record("a small one", view_kind::copy))));
  EXPECT_TRUE(is_mounted_meanwhile(of("other", seen_at("/p", "a layer"))));
}

TEST_F(view_order, small_copies_do_not_wait_behind_large_ones) {
  for (int i = 0; i < many; ++i) keep_busy_with(large("large" + std::to_string(i)));
  EXPECT_TRUE(is_mounted_meanwhile(record("a small one", view_kind::copy)));
}

TEST_F(view_order, a_copy_that_waits_is_given_up_at_once) {
  for (int i = 0; i < many; ++i) keep_busy_with(large("large" + std::to_string(i)));
  std::stop_source stop;
  std::promise<errc> answered;
  port_->mount(large("given up"), stop.get_token(), [&](const result<volume_record>& v) {
    answered.set_value(v ? errc::none : v.error().code);
  });
  stop.request_stop();
  auto answer = answered.get_future();
  constexpr std::chrono::seconds far_too_long{20};
  ASSERT_EQ(answer.wait_for(far_too_long), std::future_status::ready);
  EXPECT_EQ(answer.get(), errc::cancelled);
}

TEST_F(view_order, a_copy_that_is_being_made_is_given_up_and_leaves_nothing) {
  std::stop_source stop;
  stop.request_stop();
  auto from = base::fd(::open((where().stored(digest_of('a')) / paths::content).c_str(),
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  fs::create_directories(dir_ / "to");
  auto to = base::fd(::open((dir_ / "to").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  uint64_t budget = UINT64_MAX, asked = 0;
  // Stopped in the middle of its first file.
  std::stop_source later;
  auto copied = copy_tree(from.get(), to.get(), budget, {later.get_token(), [&](uint64_t bytes) {
                                                           asked += bytes;
                                                           if (asked > 0) later.request_stop();
                                                           return result<void>();
                                                         }});
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, errc::cancelled);
  auto r = record("v1", view_kind::copy);
  auto mounted = ask<volume_record>(&mounted_volumes::mount, r, stop.get_token());
  ASSERT_FALSE(mounted);
  EXPECT_EQ(mounted.error().code, errc::cancelled);
  EXPECT_FALSE(has_scratch(r));
}

TEST_F(view_order, a_layer_whose_maker_is_given_up_is_made_by_the_next) {
  list_index('a');
  std::stop_source stop;
  stop.request_stop();
  auto given_up = seen_at("/p", "v1");
  ASSERT_FALSE(ask<volume_record>(&mounted_volumes::mount, given_up, stop.get_token()));
  EXPECT_TRUE(mount(seen_at("/p", "v2")));
}

}  // namespace gkm::csi
