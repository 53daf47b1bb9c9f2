/// Transfers: one per digest and repository however many ask, `transfers_max` at a time. Tenants
/// take turns (base/turns.hpp): a transfer waits in the line of each tenant that asks for it.
///
///   per transfer:  waiting ──turn──▶ staging ──▶ fetching ──▶ committing ──▶ answered
/// Another repository is another transfer, so that nobody waits for a registry that a stranger
/// chose. All who asked are answered at the end, if they log in with the same secrets as the one
/// whose plan was carried out; the others' own logins are tried next, or asked about.
/// When the last requester leaves, the transfer is stopped. One that shows no progress for
/// `silence_max` is given up; one that is slow (`rate_least_bytes`) gives way when others wait.
///
/// Whether a cache may share what is stored already: origins.hpp. Small questions: questions.hpp.
#pragma once

#include "actors/node/origins.hpp"
#include "actors/node/ports.hpp"
#include "actors/node/questions.hpp"
#include "base/turns.hpp"
#include "messages/actors/interfaces.hpp"

#include <map>
#include <stop_token>

namespace gkm::node {

constexpr size_t transfers_of_one_max = 3;  ///< of `transfers_max`, for one tenant
constexpr size_t transfers_waiting_max = 4'096;
constexpr size_t transfers_waiting_of_one_max = 1'024;
constexpr std::chrono::seconds silence_max{120};  ///< the HTTP engine gives up a stall after 30 s
/// A transfer that brings fewer bytes than this in a window, about 35 KiB/s, is slow. Each time
/// that an image has given way its window doubles, so that it comes through on a slow network, too.
constexpr uint64_t rate_least_bytes = 1 << 20;
constexpr std::chrono::seconds rate_window{30};
constexpr uint32_t rate_window_doublings_max = 3;
constexpr size_t slow_images_max = 4'096;  ///< of which it is known that they gave way

class puller_state {
public:
  using handle = puller_actor;
  static constexpr const char* name = "puller";

  puller_state(puller_actor::pointer self, image_port& images, store_actor store);
  ~puller_state();
  puller_actor::behavior_type make_behavior();

private:
  struct requester {
    caf::typed_response_promise<stored_cache> reply;
    cache_actor who;
    image_plan plan;     ///< the same manifest and repository, maybe with another login
    bool waits = false;  ///< as the cache was told
  };

  enum class phase { waiting, staging, fetching, committing };

  struct transfer {
    uint64_t id = 0;
    image_plan plan;
    std::map<cache_ref, requester> requesters;
    phase at = phase::waiting;
    std::string tenant;  ///< whose place it has
    std::string staging;
    std::stop_source stop;
    uint64_t moves = 0;  ///< the stamp of its last sign of life; the watchdog compares
    uint64_t bytes = 0;
    uint64_t total = 0;
  };

  using source = std::pair<digest, std::string>;  ///< and the repository

  // Questions.
  caf::result<image_plan> resolve(const cache_spec& wanted, const std::vector<gpu>& gpus);
  caf::result<bool> prove(const image_plan& plan, const cache_ref& ref);
  template <class T>
  caf::result<T> ask(const cache_ref& who, const image_ref& image,
                     std::function<void(std::stop_token, answer<T>)> begin,
                     std::function<void(const T&)> learn);

  // Transfers.
  caf::result<stored_cache> pull(const image_plan& plan, const cache_ref& ref, cache_actor who);
  void abandon(const digest& d, const cache_ref& ref);
  void begin(const image_plan& plan, const cache_ref& ref, requester who);
  void leave(transfer& t, const cache_ref& ref);
  void start_due();
  void stage(transfer& t);
  void fetch(transfer& t);
  void fetched(uint64_t id, const std::string& staging, const result<stored_cache>& outcome);
  void commit(transfer& t, const stored_cache& facts);
  void progressed(uint64_t id, uint64_t bytes, uint64_t total);
  void watch(uint64_t id, uint64_t moves_before);
  void time_rate(const transfer& t);
  void check_rate(uint64_t id, uint64_t bytes_before, std::chrono::seconds window);
  bool is_in_the_way(const transfer& t) const;
  void give_way(const transfer& t, uint64_t bytes, std::chrono::seconds window);
  void finish(uint64_t id, const result<stored_cache>& outcome);
  void tell_if_waiting(const image_plan& plan, const cache_ref& ref);
  transfer* find(uint64_t id);
  static bool has_login_of(const requester& a, const transfer& t) {
    return a.plan.pull_secrets == t.plan.pull_secrets;
  }
  static source source_of(const image_plan& plan) {
    return {plan.manifest, repository_of(plan.image)};
  }

  puller_actor::pointer self_;
  image_port& images_;
  store_actor store_;
  origins origins_;
  questions questions_;
  std::map<uint64_t, transfer> transfers_;
  std::map<source, uint64_t> by_source_;
  base::turns<uint64_t> turns_{
      {transfers_max, transfers_of_one_max, transfers_waiting_max, transfers_waiting_of_one_max}};
  std::map<source, uint32_t> gave_way_;  ///< how often
  uint64_t next_id_ = 1;
  uint64_t stamp_ = 0;
};

}  // namespace gkm::node
