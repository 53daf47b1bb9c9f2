/// Who asks gkm-csi in the simulated world: starts and kills it, and hands over each answer.
#pragma once

#include "actors/csi/volumes.hpp"
#include "tests/support/sim_csi.hpp"

#include <optional>

namespace gkm::sim {

class csi_process {
public:
  explicit csi_process(world& w)
      : catalog(w, node), volumes(w, node), host(w, node), agent(w, node, catalog), world_(w) {}
  ~csi_process() { kill(); }

  fake_node node;
  fake_catalog catalog;
  fake_volumes volumes;
  fake_host host;
  fake_agent agent;

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
    world_.end_life();
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
