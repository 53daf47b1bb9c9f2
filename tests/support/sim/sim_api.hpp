/// A Kubernetes API in the simulated world, as an operator meets it: versions and conflicts,
/// watches that lag and break, writes that fail and answers that get lost.
#pragma once

#include "actors/operator/caches.hpp"
#include "tests/support/sim/sim_world.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace gkm::sim {

struct sim_clock : op::clock_port {
  explicit sim_clock(world& w) : world_(w) {}
  int64_t unix_seconds() override { return 1'800'000'000 + world_.now_ms() / 1000; }

private:
  world& world_;
};

class operator_life;

/// What is in etcd, and who watches.
class sim_api {
public:
  explicit sim_api(world& w) : clock(w), world_(w) {}

  sim_clock clock;
  std::map<cache_ref, cache_object> caches;
  std::map<std::pair<std::string, std::string>, node_report> reports;  ///< by namespace and node
  std::map<std::string, node_facts> nodes;
  std::set<std::string> ending;  ///< namespaces
  std::map<std::string, digest> registry;
  /// What there once was, for whoever asks what is gone.
  struct {
    std::set<cache_ref> caches;
    std::set<std::pair<std::string, std::string>> reports;
    std::set<std::string> nodes, ending;
  } past;
  bool down = false;  ///< nobody can write
  std::map<cache_ref, uint32_t> writes;
  uint64_t recorded_events = 0;
  uint64_t reported = 0;  ///< writes of reports
  /// Called when a cache's last finalizer goes.
  std::function<void(const cache_object&)> on_let_go;

  // What people, agents and controllers do.
  void put(cache_object cache);  ///< creates, or changes the spec
  void remove(const cache_ref& ref);
  void put(node_report report);
  void remove_report(const std::string& ns, const std::string& node);
  void put(node_facts facts);
  void remove_node(const std::string& name);
  void set_ending(const std::string& ns, bool is_ending);

  // What operators do.
  void write(const cache_object& seen, bool is_status,
             const std::function<void(cache_object&)>& change, answer<cache_object> reply);
  void read(const cache_ref& ref, answer<cache_object> reply);

  void attach(operator_life* who) { watching_.insert(who); }
  void detach(operator_life* who) { watching_.erase(who); }
  world& where() { return world_; }

private:
  void store(cache_object& cache);
  void forget(const cache_ref& ref);

  world& world_;
  int64_t version_ = 0;
  // In the order of their making, which is that of their numbers: addresses differ between runs.
  struct older {
    bool operator()(const operator_life* a, const operator_life* b) const;
  };
  std::set<operator_life*, older> watching_;
};

/// One operator process: the real actors, ports on the simulated API, watches.
class operator_life : op::api_port, op::resolver_port, op::secrets_port {
public:
  operator_life(sim_api& api, uint64_t number);
  ~operator_life() override;

  void set_leading(bool leading);
  bool is_leading() const { return leading_; }
  /// Every watch ends; all is listed anew after a while.
  void break_watches();
  uint64_t number() const { return number_; }

  /// One kind's watch tells later, in order.
  template <class... Ts>
  void tell(const char* kind, Ts... message) {
    if (!watching_) return;
    auto& w = api_.where();
    auto& last = last_told_ms_[kind];
    last = std::max(last, w.now_ms() + w.chaos().between(1, lag_ms_max).count());
    schedule(last - w.now_ms(), [this, message...] { caf::anon_send(caches_, message...); });
  }

  static constexpr int64_t lag_ms_max = 60;
  static constexpr int64_t write_ms_max = 100;

private:
  void schedule(int64_t in_ms, std::function<void()> what);
  void list();
  void send(const cache_object& seen, bool is_status, std::function<void(cache_object&)> change,
            answer<cache_object> reply);
  void write_status(const cache_object&, const cache_object_status&, answer<cache_object>) override;
  void add_finalizer(const cache_object&, answer<cache_object>) override;
  void remove_finalizer(const cache_object&, answer<cache_object>) override;
  void read(const cache_ref&, answer<cache_object>) override;
  void read_pods(const cache_ref&, const std::vector<std::string>&,
                 answer<std::vector<std::string>>) override;
  void record(const cache_object&, const op::cache_event&) override;
  void ensure_driver(answer<done>) override;
  void resolve(const cache_object&, std::stop_token, answer<digest>) override;
  void read_login(const op::secret_ref&, answer<op::registry_login>) override;
  void write_part(const op::secret_ref&, const op::copied_part&, const std::string&,
                  answer<done>) override;
  void drop_part(const std::string&, answer<done>) override;
  void list_parts(answer<std::vector<op::copied_part>>) override;

  sim_api& api_;
  uint64_t number_;
  bool leading_ = false;
  bool watching_ = false;
  uint64_t epoch_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<std::string, int64_t> last_told_ms_;
  pull_secrets_actor secrets_;
  caches_actor caches_;
};

}  // namespace gkm::sim
