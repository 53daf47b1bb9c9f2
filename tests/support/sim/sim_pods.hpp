/// What the agent sees of gkm-csi and of the pods it serves: volume records that come, change and
/// go. gkm-csi lives on when the agent dies, and dies on its own.
#pragma once

#include "actors/node/ports.hpp"
#include "tests/support/sim/sim_node.hpp"

namespace gkm::sim {

/// `<run>/volumes`, and the agent's watch on it.
class fake_usage : public node::volume_records_port {
public:
  fake_usage(process p, fake_node& n);

  void watch(std::function<void(std::vector<node::volume_record_change>)> changed) override;

private:
  node::volume_record_change change(const std::string& id) const;
  void notify(const std::string& id);

  process process_;
  fake_node& node_;
  bool listed_ = false;
  std::function<void(std::vector<node::volume_record_change>)> changed_;
};

/// gkm-csi: intent, open the digest, mounted; and back. Each step is an event of its own.
class pods {
public:
  pods(world& w, fake_node& n) : world_(w), node_(n) {}

  void publish(const cache_ref& ref);
  void unpublish_any();
  /// gkm-csi dies between two steps, mounts stay; it comes back and undoes what was half-done.
  void crash();

private:
  void resolve(const std::string& id, const cache_ref& ref, int tries);
  void open(const std::string& id, const volume_record& intent, int tries);
  void finish(const volume_record& intent);
  void recover();
  /// Does it later, unless gkm-csi has died by then.
  void then(std::function<void()> step);

  world& world_;
  fake_node& node_;
  uint64_t next_id_ = 1;
  uint64_t life_ = 0;
  bool up_ = true;
};

}  // namespace gkm::sim
