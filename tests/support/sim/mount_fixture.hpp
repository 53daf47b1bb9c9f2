/// One mount actor in a world without faults.
#pragma once

#include "actors/csi/mount.hpp"
#include "base/program/log.hpp"
#include "tests/support/sim/sim_csi.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace gkm::csi {
using sim::duration;

inline const cache_ref ref{"team", "vector-add"};
constexpr auto id = "csi-1";
constexpr auto target = "/kubelet/pods/1/mount";
/// More than all steps of a request together take.
constexpr int64_t all_steps_ms = 1'000;

inline digest digest_of(char c) { return digest{std::string(64, c)}; }

inline catalog_record record(cache_state state, char manifest = 'a') {
  catalog_record r;
  r.ref = ref;
  r.state = state;
  if (state == cache_state::extracted) r.manifest = digest_of(manifest);
  return r;
}

inline publish_request request() {
  publish_request q;
  q.volume_id = id;
  q.target = target;
  q.ref = ref;
  q.pod_ns = "team";
  q.wait_s = 30;
  return q;
}

template <class T>
using outcome = std::shared_ptr<std::optional<result<T>>>;

template <class T>
errc code_of(const outcome<T>& got) {
  return *got && !**got ? (*got)->error().code : errc::none;
}

class mount_test : public testing::Test {
protected:
  mount_test() {
    base::log::configure(base::log::level::off, false);
    world_.chaos().stop();
    mount_ =
        gkm::spawn<mount_state>(world_.system(), id, volume_ports{&catalog_, &volumes_, &host_});
  }
  ~mount_test() override {
    caf::anon_send_exit(mount_, caf::exit_reason::user_shutdown);
    world_.settle();
  }

  template <class T, class... Ts>
  outcome<T> ask(const Ts&... question) {
    auto got = std::make_shared<std::optional<result<T>>>();
    world_.system().spawn([=, this](caf::event_based_actor* self) {
      self->request(mount_, std::chrono::seconds(86'400), question...)
          .then([got](const T& answer) { *got = answer; },
                [got](const caf::error& e) { *got = fail(from_caf(e)); });
    });
    return got;
  }
  outcome<volume_record> publish(const publish_request& q = request()) {
    return ask<volume_record>(publish_atom_v, q);
  }
  outcome<bool> unpublish(const std::string& where = target) {
    return ask<bool>(unpublish_atom_v, where);
  }
  outcome<volume_stats> stats(const std::string& path = target) {
    return ask<volume_stats>(stats_atom_v, path);
  }
  void pass(int64_t ms = all_steps_ms) {
    world_.run(duration(ms), [] {});
  }
  void expect_nothing_left() {
    EXPECT_TRUE(node_.mounts.empty());
    EXPECT_TRUE(node_.records.empty());
    EXPECT_TRUE(node_.scratch.empty());
    EXPECT_TRUE(node_.targets.empty());
    EXPECT_EQ(catalog_.watches(), 0u);
    EXPECT_TRUE(node_.problems.empty());
  }

  sim::world world_{1};
  sim::fake_node node_;
  sim::fake_catalog catalog_{world_, node_};
  sim::fake_mounter volumes_{world_, node_};
  sim::fake_host host_{world_, node_};
  sim::fake_agent agent_{world_, node_};
  mount_actor mount_;
};

}  // namespace gkm::csi
