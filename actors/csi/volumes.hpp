/// Every volume of this node: gives each request to the volume's own actor, which lives only while
/// it has something to do.
///
// clang-format off
///   recovering ──done──▶ open
///     ▲  └─failed─▶ resting (who waited is told why) ─┐
///     └───────────────────────────────────────────────┘
///   per volume:  none ──request──▶ at work ──last answer──▶ none
// clang-format on
#pragma once

#include "actors/csi/mount.hpp"
#include "actors/csi/seats.hpp"
#include "messages/actors/interfaces.hpp"

#include <deque>
#include <map>
#include <set>
#include <string>

namespace gkm::csi {

/// In flight on this node, each with a connection: those that wait for a cache are among them.
constexpr size_t publishes_max = 256;
constexpr size_t publishes_of_namespace_max = 128;
/// Apart, so that no publish keeps a pod from going.
constexpr size_t unpublishes_max = 64;
constexpr size_t measures_max = 32;
/// Volumes whose wait ended with nothing, remembered until they are mounted or unpublished.
constexpr size_t waited_max = 4'096;

class volumes_state {
public:
  using handle = volumes_actor;
  static constexpr const char* name = "volumes";

  volumes_state(volumes_actor::pointer self, volume_ports ports);
  ~volumes_state();
  volumes_actor::behavior_type make_behavior();

private:
  struct child {
    mount_actor actor;
    size_t unanswered = 0;
  };
  /// What a request holds until it is answered.
  struct ticket {
    enum class kind : uint8_t { publish, unpublish, stats } what;
    std::string tenant{};
  };
  struct held {
    std::function<void()> go_on;
    std::function<void(const error&)> give_up;
  };

  void end_waits();
  void recover();
  void recovered(const result<done>& outcome);
  /// Takes a request in, at once or when recovery is done.
  template <class Answer, class... Ts>
  caf::result<Answer> take(const ticket& t, const std::string& volume_id, const Ts&... message);
  template <class Answer, class... Ts>
  void forward(caf::typed_response_promise<Answer> reply, const ticket& t,
               const std::string& volume_id, const Ts&... message);
  result<void> admit(const ticket& t);
  void leave(const ticket& t);
  void answered(const std::string& volume_id);
  void remember_wait(const std::string& volume_id, errc publish_outcome);
  void answer_held(const error& e);

  volumes_actor::pointer self_;
  volume_ports ports_;
  std::map<std::string, child> children_;
  std::deque<held> held_;
  std::set<std::string> waited_;
  seats publishes_{publishes_max, publishes_of_namespace_max};
  size_t unpublishes_ = 0;  ///< in flight
  size_t measures_ = 0;
  uint32_t failures_ = 0;
  bool open_ = false;
  bool ending_ = false;
};

}  // namespace gkm::csi
