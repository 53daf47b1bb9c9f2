/// What the cluster sees of this node: one report for each namespace that has a cache here, and one
/// without a namespace, which is always there and says which GPUs the node has.
///
// clang-format off
///   per report:  absent ──needed──▶ creating ──▶ there ──differs, and its pace allows──▶ writing ──▶ there
///                                      ▲           │ nothing to say                         │ conflict, gone
///                                      │           ▼                                        ▼
///                                      └───────removing                                  reading
///                any failure ──▶ pausing (1 s … 5 min) ──▶ where it was, for ever
// clang-format on
/// Nothing is written before the reports of an earlier life, the volumes, the GPUs and the Node's
/// uid are known. What an earlier life reported stays until the cache's actor has spoken, or until
/// it is known that nobody wants the cache.
///
/// The report without a namespace says every few minutes that the agent is there. That is one small
/// write, and the only one of a node where nothing happens.
///
/// What is heard is in node_reporter.cpp, what is done about it in node_reporter_steps.cpp.
#pragma once

#include "actors/agent/report_entries.hpp"
#include "actors/agent/reports_port.hpp"
#include "actors/node/ports.hpp"
#include "base/pace.hpp"
#include "base/upkeep.hpp"
#include "messages/actors/interfaces.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <variant>

namespace gkm::node {

/// Between two renewals: by chance, so that nodes that start together do not write together.
inline constexpr std::chrono::seconds renewal_least{120}, renewal_most{180};
/// After a start: soon, as an operator may have given the node up.
inline constexpr std::chrono::seconds first_renewal_least{10}, first_renewal_most{60};

class node_reporter_state {
public:
  using handle = node_reporter_actor;
  static constexpr const char* name = "node_reporter";

  /// `observe` sees each report as it shall be, before any pause. `pull_secret_key` is public.
  using observer = std::function<void(const node_report&)>;

  node_reporter_state(node_reporter_actor::pointer self, std::string node_name, reports_port& port,
                      clock_port& clock, uint64_t seed, observer observe,
                      std::string pull_secret_key = {});
  node_reporter_actor::behavior_type make_behavior();

private:
  struct gone {
    std::string uid;
  };

  struct slot {
    std::optional<node_report> seen;           ///< as the API has it; none: there is no report
    base::upkeep work{{.reads_in_a_row = 1}};  ///< busy: a question to the API is open
    bool waiting = false;                      ///< for its pace
    std::variant<std::monostate, node_report, gone> deferred;  ///< while busy
    std::deque<std::string> echoes;  ///< own versions that the watch will tell of
    /// What was written last and what the API made of it, if that is another, as a server whose CRD
    /// is older makes it: to write the same again would not help.
    std::optional<std::pair<node_report, node_report>> not_kept;
    base::pace pace;
  };

  void status_said(const cache_status& status);
  void retracted(const cache_ref& ref);
  void wanted(const cache_spec& spec);
  void unwanted(const cache_ref& ref);
  void mounted(const mounted_volume& v);
  void unmounted(const mounted_volume& v);
  void seen(const node_report& report);
  void vanished(const std::string& ns, const std::string& uid);
  void all_known(bool& which);
  void api_answers();
  void renew_after(std::chrono::seconds least, std::chrono::seconds most);

  bool may_write() const;
  void proceed_all();
  void proceed(const std::string& ns);
  node_report report_for(const std::string& ns, const slot& s) const;
  void create(const std::string& ns);
  void write(const std::string& ns, const node_report& report);
  void remove(const std::string& ns);
  void read(const std::string& ns);
  void failed(const std::string& ns, const error& e);
  void answered(const std::string& ns, const node_report& now);
  void take_heard(slot& s);
  static void take(slot& s, const node_report& report);
  /// While asking: of another version, or that what was found is gone.
  static bool has_heard_other(const slot& s);
  void flush(const std::string& ns);

  node_reporter_actor::pointer self_;
  const std::string node_name_;
  reports_port& port_;
  clock_port& clock_;
  std::mt19937_64 chance_;
  observer observe_;
  const std::string pull_secret_key_;       ///< in base64
  std::map<cache_ref, cache_view> caches_;  ///< those of one namespace side by side
  std::map<std::string, slot> reports_;     ///< by namespace
  std::vector<gpu_group> gpus_;
  std::string waiting_for_;
  std::string node_uid_;
  bool renewal_due_ = false;
  bool gpus_known_ = false;
  bool caches_known_ = false;
  bool volumes_known_ = false;
  bool reports_known_ = false;
};

}  // namespace gkm::node
