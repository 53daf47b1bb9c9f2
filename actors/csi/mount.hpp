/// One volume: publish, unpublish and stats, one after the other, in the order they came.
///
// clang-format off
///   publish     reading ──no record──▶ resolving ──usable──▶ recording ──▶ mounting ──▶ confirming ──▶ answered
///                 │  ▲                  │  ▲   ▲            (intent)         │         (mounted)
///                 │  └─undone─ left     │  │   └────digest was collected─────┘
///                 │  over from before   │  └changed┐
///                 ▼                     ▼          │
///               comparing ──▶ answered  waiting ───┘
///
///   any error   undoing: unmounted ──▶ target removed ──▶ record erased ──▶ answered with the error
///   unpublish   reading ──▶ unmounted ──▶ target removed ──▶ record erased ──▶ answered
// clang-format on
///
/// The record is written first and erased last, so that whatever a crash cuts short, recovery finds
/// a record that tells where to clean up, and the agent keeps the digest for as long as it may be
/// mounted. A cache that fails a pod that would rather start cold becomes an empty view, recorded
/// and mounted like any other.
#pragma once

#include "actors/csi/mount_decision.hpp"
#include "actors/csi/ports.hpp"
#include "messages/actors/interfaces.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <variant>

namespace gkm::csi {

constexpr size_t waiting_requests_max = 16;  ///< of one volume
/// Kubelet waits two minutes, then asks again after at most two more, for as long as it wants the
/// volume: a view that is not asked for any longer is not made to its end.
constexpr std::chrono::seconds abandoned_after{300};
/// A volume whose wait ended with nothing waits so long when it is asked for again, while nothing
/// says that its cache will ever come. Kubelet begins no teardown while it waits.
constexpr std::chrono::seconds hopeless_wait{2};
/// A digest may be out of sight for a moment, while the agent makes sure that nobody uses it.
constexpr uint32_t collected_max = 8;

/// What every volume is made with.
struct volume_ports {
  catalog_port* catalog;
  volume_port* volumes;
  host_port* host;
  /// After the last request for it, a view that still is being made is given up. Zero: it is not.
  std::chrono::seconds patience = abandoned_after;
};

class mount_state {
public:
  using handle = mount_actor;
  static constexpr const char* name = "mount";

  /// `waited`: an earlier wait of this volume ended with nothing.
  mount_state(mount_actor::pointer self, std::string volume_id, volume_ports ports,
              bool waited = false);
  /// Whoever still waits is told.
  ~mount_state();
  mount_actor::behavior_type make_behavior();

private:
  struct publish_job {
    publish_request request;
    caf::typed_response_promise<volume_record> reply;
  };
  struct unpublish_job {
    std::string target;
    caf::typed_response_promise<bool> reply;
  };
  struct stats_job {
    std::string path;
    caf::typed_response_promise<volume_stats> reply;
  };
  using job = std::variant<publish_job, unpublish_job, stats_job>;
  using then = std::function<void()>;
  using on_error = std::function<void(error)>;

  // Requests, and whose turn it is (mount.cpp).
  template <class Answer, class Job>
  caf::result<Answer> enqueue(Job j);
  caf::result<bool> unpublish(const std::string& target);
  void begin_next();
  template <class Job, class Answer>
  void finish(const result<Answer>& outcome);
  void published(const result<volume_record>& outcome);
  void unpublished(const result<bool>& outcome);
  void measured(const result<volume_stats>& outcome);
  bool is_leaving(const std::string& target) const;

  // Unpublish, stats, and what they share with undo (mount.cpp).
  void begin(const unpublish_job& j);
  void begin(const stats_job& j);
  void unpublish_recorded(const volume_record& found);
  void unpublish_unrecorded();
  void unpublish_unreadable();
  /// Unmounts, removes the target, erases the record. What lies in the target and is not ours
  /// stays.
  void take_down(const std::string& target, then gone, on_error failed);
  void remove_target(const std::string& target, then gone, on_error failed);
  void erase(then gone, on_error failed);

  // The steps of a publish, in the order of the picture (mount_steps.cpp).
  void begin(const publish_job& j);
  void compare(const volume_record& record);
  void clear_leftover(const volume_record& record);
  void look_up_cache();
  void resolved(const result<catalog_record>& found);
  void wait(const not_yet& why);
  caf::actor_clock::time_point wait_ends() const;
  void watch_the_clock();
  void end_wait();
  void changed(uint64_t epoch);
  void stop_waiting();
  void give_up_when_due();
  void cancel_wait();
  void record(volume_record intent);
  void mount();
  void give_up_when_abandoned();
  void mounted(const result<volume_record>& view);
  void wait_for_repair(const error& why);
  void collected(const error& e);
  void confirm();
  void fall_back_or_fail(const error& e);
  void undo(const error& e);
  void failed(const error& e);

  const publish_request& request() const { return std::get<publish_job>(*current_).request; }
  const std::string& target() const { return std::get<unpublish_job>(*current_).target; }
  /// Answers of a port come back here; those for a request that is over are dropped.
  template <class T>
  answer<T> back_here(std::function<void(result<T>)> use);
  void later(std::chrono::milliseconds pause, then what);

  mount_actor::pointer self_;
  const std::string volume_id_;
  volume_ports ports_;
  const bool waited_;
  bool ending_ = false;  ///< the process is
  std::optional<job> current_;
  std::deque<job> queue_;
  uint64_t epoch_ = 0;  ///< of the current request
  caf::actor_clock::time_point last_publish_;

  // Of the current publish.
  volume_record record_;  ///< as it is, or is to be, on disk
  bool recorded_ = false;
  bool touched_target_ = false;
  uint32_t collected_ = 0;  ///< how often the digest was gone at the last moment
  uint32_t repairs_ = 0;    ///< how often it was damaged
  digest missing_;          ///< was not in the store a moment ago
  caf::actor_clock::time_point began_;
  caf::actor_clock::time_point deadline_;
  caf::actor_clock::time_point clock_set_;  ///< for the end of the wait
  std::stop_source stop_;                   ///< of the view that is being made
  std::unique_ptr<subscription> watch_;     ///< while waiting
  not_yet waiting_for_;
  bool looking_ = false;     ///< a lookup is under way
  bool look_again_ = false;  ///< and the record has changed since
};

}  // namespace gkm::csi
