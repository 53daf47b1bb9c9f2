/// gkm-csi's ports in the simulated world, the disk and mount table behind them, and the agent as
/// far as gkm-csi meets it: it writes the catalog, and collects digests by renaming them away,
/// reading the usage records, and renaming back what is wanted.
#pragma once

#include "actors/csi/ports.hpp"
#include "tests/support/sim_world.hpp"

#include <list>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gkm::sim {

struct fake_mount {
  std::string volume_id;
  digest manifest;
  uint64_t instance = 0;  ///< which extraction of the digest is seen; 0: none, it is empty
  view_kind view = view_kind::overlay;
};

/// What outlives a process. A digest's instance changes when it is removed and extracted again.
struct fake_node {
  std::map<cache_ref, catalog_record> catalog;
  std::map<digest, uint64_t> store;
  std::map<digest, uint64_t> aside;  ///< renamed away by the agent, to be looked at
  std::set<std::string> scratch;     ///< by volume id
  std::set<std::string> targets;     ///< directories
  std::set<std::string> foreign;     ///< targets where somebody else has mounted something

  // What a reboot takes.
  std::map<std::string, volume_record> records;  ///< by volume id
  std::map<std::string, fake_mount> mounts;      ///< by target
  uint64_t boot = 1;

  std::vector<std::string> problems;  ///< what the ports saw that must never be

  void reboot();
  bool pins(const digest& d) const;  ///< a usage record names it
  bool has_mount(const std::string& volume_id) const;
};

class fake_catalog : public csi::catalog_port {
public:
  fake_catalog(world& w, fake_node& n) : world_(w), node_(n) {}

  void lookup(const cache_ref& ref, answer<catalog_record> reply) override;
  std::unique_ptr<csi::subscription> watch(const cache_ref& ref,
                                           std::function<void()> changed) override;

  /// Tells who watches, a moment later.
  void changed(const cache_ref& ref);
  size_t watches();

private:
  struct watcher {
    cache_ref ref;
    std::function<void()> changed;
  };
  struct watching;
  void tell(const std::weak_ptr<watcher>& who);

  world& world_;
  fake_node& node_;
  std::list<std::weak_ptr<watcher>> watchers_;
};

/// Every step takes time and may fail before its effect; a crash falls before the effect, between
/// the parts of a mount, or after the effect and before the answer.
class fake_volumes : public csi::volume_port {
public:
  fake_volumes(world& w, fake_node& n) : world_(w), node_(n) {}

  void recover(answer<done> reply) override;
  void read(const std::string& volume_id, answer<volume_record> reply) override;
  void is_mounted(const volume_record& record, answer<bool> reply) override;
  void write(const volume_record& record, answer<done> reply) override;
  void erase(const std::string& volume_id, answer<done> reply) override;
  void mount(const volume_record& record, answer<volume_record> reply) override;
  void unmount(const std::string& volume_id, const std::string& target,
               answer<done> reply) override;
  void remove_target(const std::string& target, answer<done> reply) override;
  void measure(const volume_record& record, answer<volume_stats> reply) override;

  /// The process died: what was under way is not any more.
  void forget() {
    at_work_.clear();
    recovered = false;
  }
  bool recovered = false;

private:
  bool is_taken(const std::string& target) const;
  void begin(const std::string& volume_id);
  template <class T>
  void carry_out(const std::string& volume_id, std::function<result<T>()> effect, answer<T> reply);
  duration a_moment() { return world_.chaos().between(0, 20); }
  result<done> recover_now();
  result<fake_mount> open(const volume_record& wanted);

  world& world_;
  fake_node& node_;
  std::map<std::string, int> at_work_;
};

class fake_host : public csi::host_port {
public:
  fake_host(world& w, fake_node& n) : world_(w), node_(n) {}
  int64_t unix_seconds() override { return world_.now_ms() / 1'000; }
  std::string boot_id() override { return "boot-" + std::to_string(node_.boot); }

private:
  world& world_;
  fake_node& node_;
};

/// It goes on whatever happens to gkm-csi.
class fake_agent {
public:
  fake_agent(world& w, fake_node& n, fake_catalog& c) : world_(w), node_(n), catalog_(c) {}

  std::map<cache_ref, std::set<digest>> history;  ///< what each cache has ever stood for

  /// Extracts what the record names, then writes it. Not now, if the digest is being collected.
  void say(const catalog_record& record);
  void forget(const cache_ref& ref);
  /// Collects every digest that no cache names.
  void collect();

private:
  bool is_claimed(const digest& d) const;
  void set_aside(const digest& d);
  void look_again(const digest& d);

  world& world_;
  fake_node& node_;
  fake_catalog& catalog_;
  std::set<digest> collecting_;
  uint64_t instances_ = 0;
};

}  // namespace gkm::sim
