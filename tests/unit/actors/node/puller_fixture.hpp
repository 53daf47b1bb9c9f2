/// The puller between transfers and questions that a test carries out by hand, and a store on a
/// fake disk.
#pragma once

#include "actors/node/puller.hpp"
#include "actors/node/store.hpp"
#include "base/program/log.hpp"
#include "tests/support/sim/sim_ports.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace gkm::node {

using sim::duration;

inline digest digest_of(char c) { return digest{std::string(64, c)}; }

/// Transfers that do what a test says, and nothing else.
class manual_images : public image_port {
public:
  struct transfer {
    image_plan plan;
    std::string staging;
    std::function<void(uint64_t, uint64_t)> progress;
    std::stop_token stop;
    answer<stored_cache> reply;
  };
  struct question {
    cache_ref who;
    std::stop_token stop;
    answer<image_plan> reply;
  };
  struct proof {
    image_plan plan;
    answer<bool> reply;
  };
  std::vector<transfer> transfers;
  std::vector<question> asked;
  std::vector<proof> proofs;

  void resolve(const cache_spec& wanted, const std::vector<gpu>&, std::stop_token stop,
               answer<image_plan> reply) override {
    asked.push_back({wanted.ref, std::move(stop), std::move(reply)});
  }
  void prove(const image_plan& plan, std::stop_token, answer<bool> reply) override {
    proofs.push_back({plan, std::move(reply)});
  }
  void fetch(const image_plan& plan, const std::string& staging,
             std::function<void(uint64_t, uint64_t)> progress, std::stop_token stop,
             answer<stored_cache> reply) override {
    transfers.push_back({plan, staging, std::move(progress), std::move(stop), std::move(reply)});
  }
};

class puller_test : public testing::Test {
protected:
  puller_test() {
    base::log::configure(base::log::level::off, false);
    world_.chaos().stop();
    disk_.statuses = &status_.seen;
    node_.capacity_bytes = 1'000'000;
    auto& system = world_.system();
    store_ = gkm::spawn<store_state>(system, disk_);
    puller_ = gkm::spawn<puller_state>(system, images_, store_);
    cache_ = system.spawn([this](cache_actor::pointer) -> cache_actor::behavior_type {
      return {[](wanted_atom, const cache_spec&) {},
              [](gpus_atom, const std::vector<gpu>&) {},
              [this](progress_atom, const digest&, uint64_t bytes, uint64_t) {
                progress_.push_back(bytes);
              },
              [this](waits_atom, const digest& d, bool waits) {
                waits_.push_back({d.hex[0], waits});
              },
              [](mounted_atom, const mounted_volume&) {},
              [](unmounted_atom, const mounted_volume&) {},
              [](damaged_atom, const digest&) {},
              [](retry_atom, uint64_t) {},
              [](withdraw_atom) {},
              [](run_atom, const continuation& c) { c.run(); }};
    });
  }
  ~puller_test() override {
    for (const auto& a : {caf::actor_cast<caf::actor>(puller_), caf::actor_cast<caf::actor>(store_),
                          caf::actor_cast<caf::actor>(cache_)})
      caf::anon_send_exit(a, caf::exit_reason::kill);
    world_.settle();
  }

  using outcome = std::optional<result<stored_cache>>;

  static cache_ref ref(int i, const std::string& ns = "default") {
    return {ns, "c" + std::to_string(i)};
  }

  static image_plan plan_of(char c, const std::string& host = "a.example") {
    image_plan plan;
    plan.image = {host, "b", "c", {}};
    plan.manifest = plan.resolved = digest_of(c);
    plan.unpacked_bytes = 1;
    return plan;
  }

  template <class T, class... Ts>
  std::shared_ptr<std::optional<result<T>>> ask(const Ts&... question) {
    auto got = std::make_shared<std::optional<result<T>>>();
    world_.system().spawn([=, this](caf::event_based_actor* self) {
      self->request(puller_, std::chrono::seconds(36'000), question...)
          .then([got](const T& answer) { *got = answer; },
                [got](const caf::error& e) { *got = fail(from_caf(e)); });
    });
    pass(100);
    return got;
  }

  std::shared_ptr<outcome> pull(char c, int requester, uint64_t unpacked_bytes = 1) {
    auto plan = plan_of(c);
    plan.unpacked_bytes = unpacked_bytes;
    return pull(plan, ref(requester));
  }
  std::shared_ptr<outcome> pull(const image_plan& plan, const cache_ref& who) {
    return ask<stored_cache>(pull_atom_v, plan, who, cache_);
  }
  /// Some transfers of one tenant, each of a digest of its own.
  void pull_many(const std::string& ns, const std::string& digests) {
    for (char c : digests) pull(plan_of(c), {ns, std::string(1, c)});
  }
  std::shared_ptr<std::optional<result<image_plan>>> resolve(const cache_ref& who) {
    return ask<image_plan>(resolve_atom_v, cache_spec{who, plan_of('a').image}, std::vector<gpu>());
  }
  std::shared_ptr<std::optional<result<bool>>> prove(const image_plan& plan, int requester = 1) {
    return ask<bool>(prove_atom_v, plan, ref(requester));
  }
  void abandon(char c, int requester) { abandon(c, ref(requester)); }
  void abandon(char c, const cache_ref& who) {
    caf::anon_send(puller_, abandon_atom_v, digest_of(c), who);
    pass(100);
  }
  void abandon(const cache_ref& who) {
    caf::anon_send(puller_, abandon_atom_v, who);
    pass(100);
  }
  static stored_cache facts(char c) { return {digest_of(c), "triton", 1, 1, {}, {}}; }
  void answer(size_t i, result<stored_cache> what) {
    images_.transfers.at(i).reply(std::move(what));
    pass(100);
  }
  void pass(int64_t ms) {
    world_.run(duration(ms), [] {});
  }
  void pass(std::chrono::seconds time) { pass(std::chrono::milliseconds(time).count()); }
  /// Which digests are or were transferred, in their order.
  std::string transferred() const {
    std::string all;
    for (const auto& t : images_.transfers) all += t.plan.manifest.hex[0];
    return all;
  }
  template <class T>
  static errc code_of(const std::optional<result<T>>& got) {
    return got && !*got ? got->error().code : errc::none;
  }

  sim::world world_{1};
  sim::fake_node node_;
  sim::fake_disk disk_{world_, node_};
  sim::fake_status status_{world_};
  manual_images images_;
  store_actor store_;
  puller_actor puller_;
  cache_actor cache_;
  std::vector<uint64_t> progress_;
  std::vector<std::pair<char, bool>> waits_;  ///< the digest's first letter
};

}  // namespace gkm::node
