/// Views that take long, and that nobody wants any more.

#include "tests/support/sim/mount_fixture.hpp"

namespace gkm::csi {
namespace {

/// Mounts when a test says so.
class slow_mounter : public sim::fake_mounter {
public:
  using fake_mounter::fake_mounter;
  struct job {
    std::stop_token stop;
    answer<volume_record> reply;
  };
  std::vector<job> jobs;
  void mount(const volume_record&, std::stop_token stop, answer<volume_record> reply) override {
    jobs.push_back({std::move(stop), std::move(reply)});
  }
};

class mount_stop_test : public mount_test {
protected:
  mount_stop_test() {
    caf::anon_send_exit(mount_, caf::exit_reason::user_shutdown);
    mount_ = gkm::spawn<mount_state>(world_.system(), id, volume_ports{&catalog_, &slow_, &host_});
    agent_.say(record(cache_state::extracted));
    pass();
  }
  ~mount_stop_test() override {
    caf::anon_send_exit(mount_, caf::exit_reason::user_shutdown);
    world_.settle();
  }
  bool is_stopped() const { return slow_.jobs.at(0).stop.stop_requested(); }
  void give_up() { slow_.jobs.at(0).reply(fail(errc::cancelled, "given up")); }

  slow_mounter slow_{world_, node_};
};

constexpr int64_t patience_ms = std::chrono::milliseconds(abandoned_after).count();

}  // namespace

TEST_F(mount_stop_test, unpublish_ends_a_view_that_is_being_made) {
  auto publishing = publish();
  pass();
  ASSERT_EQ(slow_.jobs.size(), 1u);
  EXPECT_FALSE(is_stopped());
  unpublish("/kubelet/pods/another");
  pass();
  EXPECT_FALSE(is_stopped()) << "that was about another target";
  auto gone = unpublish();
  pass();
  ASSERT_TRUE(is_stopped());
  give_up();
  pass();
  EXPECT_EQ(code_of(publishing), errc::cancelled);
  EXPECT_TRUE(*gone && **gone);
  expect_nothing_left();
}

TEST_F(mount_stop_test, a_view_that_nobody_asks_for_again_is_given_up) {
  auto publishing = publish();
  pass(patience_ms - 1'000);
  EXPECT_FALSE(is_stopped());
  auto again = publish();  // as kubelet does when it has waited long enough
  pass(patience_ms - 1'000);
  EXPECT_FALSE(is_stopped());
  pass(2'000);
  ASSERT_TRUE(is_stopped());
  give_up();
  pass();
  EXPECT_EQ(code_of(publishing), errc::cancelled);
}

TEST_F(mount_stop_test, the_next_publish_is_made_anew) {
  publish();
  pass();
  unpublish();
  pass();
  give_up();
  pass();
  publish();
  pass();
  ASSERT_EQ(slow_.jobs.size(), 2u);
  EXPECT_FALSE(slow_.jobs[1].stop.stop_requested());
}

}  // namespace gkm::csi
