/// What the agent sees of gkm-csi and of the pods it serves: usage records that come, change and
/// go. gkm-csi lives on when the agent dies, and dies on its own.
#pragma once

#include "tests/support/sim_ports.hpp"

namespace gkm::sim {

/// `<run>/volumes`, and the agent's watch on it.
class fake_usage : public node::usage_port {
public:
  fake_usage(world& w, const fake_disk& disk) : world_(w), disk_(disk) {}

  std::map<std::string, volume_record> records;

  void watch(std::function<void(std::vector<node::usage_change>)> changed) override;
  void write(volume_record record);
  void erase(const std::string& id);
  /// Whether a record of this boot names the digest.
  bool name(const digest& d) const;

private:
  node::usage_change change(const std::string& id) const;
  void notify(const std::string& id);

  world& world_;
  const fake_disk& disk_;
  bool listed_ = false;
  std::function<void(std::vector<node::usage_change>)> changed_;
};

/// gkm-csi: intent, open the digest, mounted; and back. Each step is an event of its own.
class pods {
public:
  pods(world& w, const fake_disk& disk, fake_usage& volumes)
      : world_(w), disk_(disk), volumes_(volumes) {}

  /// What a volume has under its mount.
  struct mount {
    cache_ref ref;
    digest manifest;
    uint64_t inode = 0;
  };
  std::map<std::string, mount> mounts;

  void publish(const cache_ref& ref);
  void unpublish_any();
  /// gkm-csi dies between two steps, mounts stay; it comes back and undoes what was half-done.
  void crash();
  /// Mounts are gone; records may be, too.
  void lose_power();
  /// The volumes of a cache whose mounts are complete, with their digests.
  std::vector<mounted_volume> mounted(const cache_ref& ref) const;

private:
  void resolve(const std::string& id, const cache_ref& ref, int tries);
  void open(const std::string& id, const volume_record& intent, int tries);
  void finish(const volume_record& intent);
  void recover();
  /// Does it later, unless gkm-csi has died by then.
  void then(std::function<void()> step);

  world& world_;
  const fake_disk& disk_;
  fake_usage& volumes_;
  uint64_t next_id_ = 1;
  uint64_t life_ = 0;
  bool up_ = true;
};

}  // namespace gkm::sim
