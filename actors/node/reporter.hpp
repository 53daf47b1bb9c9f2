/// What people see of each cache: the latest status, written at most once a second per cache.
///
///   per cache:  idle ──report──▶ writing ──written──▶ resting (1 s) ──▶ idle
/// A report while writing or resting waits, and a later one replaces it. Pure progress waits the
/// same way; a change of state is never lost.
#pragma once

#include "actors/node/ports.hpp"
#include "base/upkeep.hpp"
#include "messages/actors/interfaces.hpp"

#include <map>
#include <optional>

namespace gkm::node {

class reporter_state {
public:
  using handle = reporter_actor;
  static constexpr const char* name = "reporter";

  /// `observe` sees every status as it is reported, before any pause: the console of `gkm up`.
  using observer = std::function<void(const cache_status&)>;

  reporter_state(reporter_actor::pointer self, status_port& port, observer observe);
  /// What has not been written yet is written now.
  ~reporter_state();
  reporter_actor::behavior_type make_behavior();

private:
  struct entry {
    std::optional<cache_status> next;  ///< not yet written
    bool retracted = false;            ///< erase once idle
    base::upkeep work;
  };

  void report(const cache_status& status);
  void retract(const cache_ref& ref);
  void proceed(const cache_ref& ref);
  void written(const cache_ref& ref, const cache_status& what, const result<done>& outcome);
  void erased(const cache_ref& ref, const result<done>& outcome);
  void failed(const cache_ref& ref, const error& why, const char* text);
  void flush(const cache_ref& ref);

  reporter_actor::pointer self_;
  status_port& port_;
  observer observe_;
  std::map<cache_ref, entry> entries_;
};

}  // namespace gkm::node
