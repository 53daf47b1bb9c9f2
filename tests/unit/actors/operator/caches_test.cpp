#include "actors/operator/caches.hpp"

#include "actors/operator/pull_secrets.hpp"
#include "base/log.hpp"
#include "fake_cluster.hpp"
#include "tests/support/sim_world.hpp"

#include <gtest/gtest.h>

namespace gkm::cluster {
namespace {

class caches : public ::testing::Test {
protected:
  caches() {
    base::log::configure(base::log::level::off, false);
    api_.there.ref = {"team", "x"};
    api_.there.image = "registry.example/x@" + digest_.str();
    api_.there.pinned = digest_;
    api_.there.object.uid = "uid";
    api_.there.object.resource_version = "1";
    api_.there.object.generation = 1;
  }
  ~caches() override {
    caf::anon_send_exit(actor_, caf::exit_reason::kill);
    caf::anon_send_exit(secrets_, caf::exit_reason::kill);
    world_.settle();
  }

  template <class... Ts>
  void say(const Ts&... message) {
    caf::anon_send(actor_, message...);
    world_.run(sim::duration(2'000), [] {});
  }
  std::string reason() const {
    return find_condition(api_.there.status.conditions, "Ready")->reason;
  }

  sim::world world_{1};
  const digest digest_{std::string(64, 'a')};
  fake_api api_;
  deaf_registry registry_;
  fake_clock clock_;
  no_secrets secrets_port_;
  pull_secrets_actor secrets_ =
      gkm::spawn<pull_secrets_state>(world_.system(), static_cast<secrets_port&>(secrets_port_),
                                     std::string("gkm-system"), uint64_t{1});
  caches_actor actor_ = gkm::spawn<caches_state>(
      world_.system(), cluster_ports{api_, registry_, clock_}, secrets_, uint64_t{1});
};

TEST_F(caches, a_node_whose_report_is_not_filled_in_yet_is_not_said_to_have_no_gpu) {
  say(changed_atom_v, api_.there);
  say(node_atom_v, node_facts{"one", {}, true, 0});
  say(synced_atom_v, true);
  say(lead_atom_v, true);
  ASSERT_EQ(reason(), "Pending");
  node_report report;
  report.name = "one";
  say(report_atom_v, report);
  EXPECT_EQ(reason(), "Pending");
  report.node_name = "one";
  report.gpus = {{"MI210", "6.1", {0}}};
  say(report_atom_v, report);
  EXPECT_EQ(reason(), "Pending");
  EXPECT_EQ(api_.there.status.counts.nodes, 1u);
  report.gpus.clear();
  say(report_atom_v, report);
  EXPECT_EQ(reason(), "Error") << "now it says so";
}

}  // namespace
}  // namespace gkm::cluster
