/// gkm-csi's ports in the simulated world, and a model of the agent as far as gkm-csi meets it: it
/// writes the catalog, and collects digests by renaming them away, reading the volume records, and
/// renaming back what is wanted.
#pragma once

#include "actors/csi/ports.hpp"
#include "tests/support/sim/sim_node.hpp"

#include <list>
#include <map>
#include <set>
#include <string>

namespace gkm::sim {

class fake_catalog : public csi::catalog_port {
public:
  fake_catalog(process p, fake_node& n);

  void lookup(const cache_ref& ref, answer<catalog_record> reply) override;
  std::unique_ptr<csi::subscription> watch(const cache_ref& ref,
                                           std::function<void()> changed) override;

  size_t watches();

private:
  struct watcher {
    cache_ref ref;
    std::function<void()> changed;
  };
  struct watching;
  void changed(const cache_ref& ref);
  void tell(const std::weak_ptr<watcher>& who);

  process process_;
  fake_node& node_;
  std::list<std::weak_ptr<watcher>> watchers_;
};

/// Every step takes time and may fail before its effect; a crash falls before the effect, between
/// the parts of a mount, or after the effect and before the answer.
class fake_mounter : public csi::volume_port {
public:
  fake_mounter(process p, fake_node& n) : process_(std::move(p)), node_(n) {}

  void recover(answer<done> reply) override;
  void read(const std::string& volume_id, answer<volume_record> reply) override;
  void is_mounted(const volume_record& record, answer<bool> reply) override;
  void write(const volume_record& record, answer<done> reply) override;
  void erase(const std::string& volume_id, answer<done> reply) override;
  void mount(const volume_record& record, std::stop_token stop,
             answer<volume_record> reply) override;
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
  uint64_t missed = 0;  ///< digests that were collected, or aside, when they were to be mounted

private:
  bool is_taken(const std::string& target) const;
  void begin(const std::string& volume_id);
  template <class T>
  void carry_out(const std::string& volume_id, std::function<result<T>()> effect, answer<T> reply);
  duration a_moment() { return process_.chaos().between(0, 20); }
  result<done> recover_now();
  result<fake_mount> open(const volume_record& wanted);

  process process_;
  fake_node& node_;
  std::map<std::string, int> at_work_;
};

class fake_host : public csi::host_port {
public:
  fake_host(process p, fake_node& n) : process_(std::move(p)), node_(n) {}
  int64_t unix_seconds() override { return process_.now_ms() / 1'000; }
  std::string boot_id() override { return node_.boot_id(); }

private:
  process process_;
  fake_node& node_;
};

/// It goes on whatever happens to gkm-csi.
class fake_agent {
public:
  fake_agent(world& w, fake_node& n) : world_(w), node_(n) {}

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
  std::set<digest> collecting_;
};

}  // namespace gkm::sim
