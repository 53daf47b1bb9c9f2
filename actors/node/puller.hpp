/// Transfers: one per digest however many ask, `transfers_max` at a time, in the order they were
/// asked.
///
///   per digest:  queued ──slot free──▶ staging ──▶ fetching ──▶ publishing ──▶ answered
/// Everyone who asked is answered at the end. A failure is only for those who named the same image:
/// the others may reach the same digest from elsewhere, and their own images are tried next. When
/// the last asker leaves, the transfer is stopped. A transfer that shows no progress for
/// `silence_max` is given up.
#pragma once

#include "actors/node/ports.hpp"
#include "messages/actors.hpp"

#include <deque>
#include <map>
#include <stop_token>

namespace gkm::node {

constexpr size_t transfers_max = 3;
constexpr std::chrono::seconds silence_max{120};  ///< the HTTP engine gives up a stall after 30 s
/// Free space asked for when labels do not say how large a cache is: layers compress about
/// threefold.
constexpr uint64_t unpack_factor = 3;

class puller_state {
public:
  using handle = puller_actor;
  static constexpr const char* name = "puller";

  puller_state(puller_actor::pointer self, image_port& images, store_actor store);
  ~puller_state();
  puller_actor::behavior_type make_behavior();

private:
  struct asker {
    caf::typed_response_promise<stored_cache> reply;
    cache_actor who;
    image_plan plan;  ///< the same manifest, maybe from another place or with other credentials
  };

  struct transfer {
    uint64_t id = 0;
    image_plan plan;
    std::map<cache_ref, asker> askers;
    std::string staging;
    std::stop_source stop;
    uint64_t moves = 0;  ///< the stamp of its last sign of life; the watchdog compares
    bool running = false;
  };

  caf::result<image_plan> resolve(const cache_spec& wanted, const std::vector<gpu>& gpus);
  caf::result<stored_cache> pull(const image_plan& plan, const cache_ref& ref, cache_actor who);
  void abandon(const digest& d, const cache_ref& ref);
  void begin(const image_plan& plan, const cache_ref& ref, asker who);
  void start_next();
  void stage(transfer& t);
  void fetch(transfer& t);
  void fetched(const digest& d, uint64_t id, const std::string& staging,
               const result<stored_cache>& outcome);
  void publish(transfer& t, const stored_cache& facts);
  void progressed(const digest& d, uint64_t bytes, uint64_t total);
  void watch(const digest& d, uint64_t moves_before);
  void finish(const digest& d, const result<stored_cache>& outcome);
  transfer* find(const digest& d, uint64_t id);

  puller_actor::pointer self_;
  image_port& images_;
  store_actor store_;
  std::map<digest, transfer> transfers_;
  std::deque<digest> queue_;
  size_t running_ = 0;
  uint64_t next_id_ = 1;
  uint64_t stamp_ = 0;
};

}  // namespace gkm::node
