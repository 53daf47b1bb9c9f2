/// Volumes that take long, and others that do not wait for them.

#include "volume_fixture.hpp"

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
    port_->mount(r, [go = go_](const result<volume_record>&) { go.wait(); });
  }
  bool is_mounted_meanwhile(const volume_record& r) {
    auto answered = std::make_shared<std::promise<bool>>();
    auto answer = answered->get_future();
    port_->mount(
        r, [answered](const result<volume_record>& v) { answered->set_value(v.has_value()); });
    constexpr std::chrono::seconds far_too_long{20};
    return answer.wait_for(far_too_long) == std::future_status::ready && answer.get();
  }
  volume_record seen_at(const std::string& path, const std::string& id) {
    auto r = record(id);
    r.mount_path = path;
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

}  // namespace gkm::csi
