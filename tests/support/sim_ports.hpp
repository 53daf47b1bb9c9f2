/// The node's ports in the simulated world: they take virtual time, fail as the seed says, and keep
/// their state when the agent crashes, as a registry and a disk do.
#pragma once

#include "actors/node/ports.hpp"
#include "tests/support/sim_world.hpp"

#include <map>
#include <set>

namespace gkm::sim {

/// An image as a registry holds it.
struct fake_image {
  digest manifest;
  std::vector<target> kernels;  ///< what extraction will find
  std::vector<target> label;    ///< what is claimed
  uint64_t bytes = 0;
  bool hostile = false;  ///< extraction refuses it, always
};

/// What registries hold, and how they behave.
class fake_images : public node::image_port {
public:
  explicit fake_images(world& w) : world_(w) {}

  std::map<std::string, fake_image> tags;  ///< by image_ref::str()
  size_t in_flight = 0;                    ///< transfers of this life

  void resolve(const cache_spec& wanted, const std::vector<gpu>& gpus,
               answer<image_plan> reply) override;
  void fetch(const image_plan& plan, const std::string& staging,
             std::function<void(uint64_t, uint64_t)> progress, std::stop_token stop,
             answer<stored_cache> reply) override;

  class fake_disk* disk = nullptr;

private:
  struct job;
  void step(std::shared_ptr<job> j);
  const fake_image* find(const digest& manifest) const;

  world& world_;
  std::vector<std::unique_ptr<std::stop_callback<std::function<void()>>>> hung_;
};

/// What a directory holds, for the simulation: how much of which manifest.
struct fake_content {
  digest manifest;
  uint64_t bytes = 0;
  bool whole = false;
};

/// The state directory. Every step of an operation is an event of its own: a crash falls between
/// any two.
class fake_disk : public node::disk_port {
public:
  explicit fake_disk(world& w) : world_(w) {}

  struct stored {
    stored_cache facts;
    fake_content content;
    uint64_t unsynced_boot = 0;  ///< 0: synced
    uint64_t inode = 0;          ///< another one each time it is published
  };

  std::map<std::string, fake_content> staging;
  std::map<digest, stored> store;
  std::map<digest, stored> taken_out;  ///< by a removal that is under way
  /// What the usage records say now.
  std::function<bool(const digest&)> is_in_use = [](const digest&) { return false; };
  std::map<cache_ref, catalog_record> records;
  /// They lie in the same directories as the records: forgotten with them, found with them.
  std::map<cache_ref, cache_status>* statuses = nullptr;
  uint64_t boot = 1;
  uint64_t capacity_bytes = 1'000;

  uint64_t used_bytes() const;
  /// Power was lost: what was not synced may be damaged, a young record may be gone.
  void lose_power();

  void recover(answer<recovered> reply) override;
  void stage(uint64_t needed_bytes, answer<std::string> reply) override;
  void publish(const std::string& dir, const stored_cache& facts, answer<done> reply) override;
  void sync(const digest& manifest, answer<done> reply) override;
  void discard(const std::string& dir, answer<done> reply) override;
  void remove(const digest& manifest, answer<done> reply) override;
  void write_record(const catalog_record& record, answer<std::string> reply) override;
  void forget(const cache_ref& ref, answer<done> reply) override;

private:
  template <class T>
  void carry_out(std::function<result<T>()> effect, answer<T> reply);
  duration in_order();
  void decide(const digest& manifest, bool used, answer<done> reply);

  world& world_;
  uint64_t next_dir_ = 1;
  uint64_t next_inode_ = 1;
  int64_t last_record_ms_ = 0;
};

class fake_status : public node::status_port {
public:
  explicit fake_status(world& w) : world_(w) {}

  std::map<cache_ref, cache_status> seen;
  std::function<void(const cache_status&)> on_write;

  void write(const cache_status& status, answer<done> reply) override;
  void erase(const cache_ref& ref, answer<done> reply) override;

private:
  world& world_;
};

class fake_inventory : public node::inventory_port {
public:
  explicit fake_inventory(world& w) : world_(w) {}
  void watch(std::function<void(result<std::vector<gpu>>)> changed) override;
  void set(std::vector<gpu> gpus);
  const std::vector<gpu>& gpus() const { return gpus_; }

private:
  world& world_;
  std::vector<gpu> gpus_;
  std::function<void(result<std::vector<gpu>>)> changed_;
};

class fake_clock : public node::clock_port {
public:
  explicit fake_clock(world& w) : world_(w) {}
  int64_t unix_seconds() override { return 1'700'000'000 + world_.now_ms() / 1'000; }

private:
  world& world_;
};

}  // namespace gkm::sim
