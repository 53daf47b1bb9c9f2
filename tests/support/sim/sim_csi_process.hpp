/// Who asks gkm-csi in the simulated world: starts and kills it, and hands over each answer.
#pragma once

#include "actors/csi/volumes.hpp"
#include "tests/support/sim/sim_csi.hpp"

#include <optional>

namespace gkm::sim {

class csi_process {
  process process_;  // the ports that follow die with it

public:
  csi_process(world& w, fake_node& n)
      : process_(w),
        node(n),
        catalog(process_, n),
        volumes(process_, n),
        host(process_, n),
        world_(w) {}
  ~csi_process() { kill(); }

  fake_node& node;
  fake_catalog catalog;
  fake_mounter volumes;
  fake_host host;

  void start() {
    actor_ = gkm::spawn<csi::volumes_state>(world_.system(),
                                            csi::volume_ports{&catalog, &volumes, &host});
  }

  /// At once, wherever everything stands; nobody is answered any more.
  void kill() {
    if (actor_) caf::anon_send_exit(*actor_, caf::exit_reason::kill);
    for (auto& a : askers_) caf::anon_send_exit(a, caf::exit_reason::kill);
    actor_.reset();
    askers_.clear();
    world_.settle();
    process_.end_life();
    volumes.forget();
    unanswered = 0;
  }

  bool alive() const { return actor_.has_value(); }
  const volumes_actor& actor() const { return *actor_; }

  /// Asks, and calls `then` with the answer unless the process dies first.
  template <class Answer, class... Ts>
  void ask(std::function<void(result<Answer>)> then, const Ts&... question) {
    ++unanswered;
    askers_.push_back(world_.system().spawn([=, this](caf::event_based_actor* self) {
      self->request(actor(), std::chrono::seconds(86'400), question...)
          .then(
              [=, this](const Answer& a) {
                --unanswered;
                then(a);
              },
              [=, this](const caf::error& e) {
                --unanswered;
                then(fail(from_caf(e)));
              });
    }));
  }

  size_t unanswered = 0;

private:
  world& world_;
  std::optional<volumes_actor> actor_;
  std::vector<caf::actor> askers_;
};

}  // namespace gkm::sim
