/// The node's ports in the simulated world: they take virtual time, fail as the seed says, and keep
/// their state when the agent crashes, as a registry and a disk do.
#pragma once

#include "actors/node/ports.hpp"
#include "tests/support/sim/sim_node.hpp"

#include <map>
#include <optional>
#include <set>

namespace gkm::sim {

/// An image as a registry holds it.
struct fake_image {
  digest manifest;
  std::vector<target> kernels;  ///< what extraction will find
  std::vector<target> label;    ///< what is claimed
  uint64_t bytes = 0;
  bool hostile = false;       ///< extraction refuses it, always
  duration manifest_takes{};  ///< 0: as chance says
  duration part_takes{};      ///< each of `fetch_steps`
};

/// Parts in which an image is transferred.
constexpr int64_t fetch_steps = 8;

/// What registries hold, and how they behave.
class fake_images : public node::image_port {
public:
  fake_images(process p, fake_node& n) : process_(std::move(p)), node_(n) {}

  /// A digest, where it was read, and with which login.
  using reading = std::tuple<digest, std::string, std::vector<std::string>>;

  std::map<std::string, fake_image> tags;  ///< by image_ref::str()
  std::set<reading> readings;              ///< pulled whole, or allowed by its repository
  size_t in_flight = 0;                    ///< transfers of this life
  size_t begun = 0;                        ///< transfers in all

  void resolve(const cache_spec& wanted, const std::vector<gpu>& gpus, std::stop_token stop,
               answer<image_plan> reply) override;
  void prove(const image_plan& plan, std::stop_token stop, answer<bool> reply) override;
  void fetch(const image_plan& plan, const std::string& staging,
             std::function<void(uint64_t, uint64_t)> progress, std::stop_token stop,
             answer<stored_cache> reply) override;

private:
  struct job;
  void step(std::shared_ptr<job> j);
  const fake_image* find(const digest& manifest) const;
  /// `then` when the time is over, `stopped` soon after `stop`: one of them. Without a time: never.
  void wait(std::optional<duration> time, const std::stop_token& stop, std::function<void()> then,
            std::function<void()> stopped);

  process process_;
  fake_node& node_;
  std::vector<std::unique_ptr<std::stop_callback<std::function<void()>>>> waits_;
};

/// The state directory. Every step of an operation is an event of its own: a crash falls between
/// any two.
class fake_disk : public node::disk_port {
public:
  fake_disk(process p, fake_node& n) : process_(std::move(p)), node_(n) {}

  /// What the volume records say now.
  std::function<bool(const digest&)> is_in_use = [this](const digest& d) { return node_.pins(d); };
  /// They lie in the same directories as the records: forgotten with them, found with them.
  std::map<cache_ref, cache_status>* statuses = nullptr;
  uint64_t refused = 0;  ///< removals of what turned out to be in use

  void recover(answer<recovered> reply) override;
  void stage(uint64_t needed_bytes, answer<std::string> reply) override;
  void commit(const std::string& dir, const stored_cache& facts, answer<done> reply) override;
  void sync(const digest& manifest, answer<done> reply) override;
  void discard(const std::string& dir, answer<done> reply) override;
  void remove(const digest& manifest, answer<done> reply) override;
  void check(const digest& manifest, node::check_depth depth, answer<done> reply) override;
  void set_aside(const digest& manifest, answer<done> reply) override;
  void write_record(const catalog_record& record, answer<std::string> reply) override;
  void forget(const cache_ref& ref, answer<done> reply) override;

private:
  template <class T>
  void carry_out(std::function<result<T>()> effect, answer<T> reply);
  duration in_order();
  void decide(const digest& manifest, bool used, answer<done> reply);

  process process_;
  fake_node& node_;
  uint64_t next_dir_ = 1;
  int64_t last_record_ms_ = 0;
};

class fake_status : public node::status_port {
public:
  explicit fake_status(process p) : process_(std::move(p)) {}

  std::map<cache_ref, cache_status> seen;
  std::function<void(const cache_status&)> on_write;

  void write(const cache_status& status, answer<done> reply) override;
  void erase(const cache_ref& ref, answer<done> reply) override;

private:
  process process_;
};

class fake_inventory : public node::inventory_port {
public:
  explicit fake_inventory(process p) : process_(std::move(p)) {}
  void watch(std::function<void(result<std::vector<gpu>>)> changed) override;
  void set(std::vector<gpu> gpus);
  const std::vector<gpu>& gpus() const { return gpus_; }

private:
  process process_;
  std::vector<gpu> gpus_;
  std::function<void(result<std::vector<gpu>>)> changed_;
};

class fake_clock : public node::clock_port {
public:
  explicit fake_clock(process p) : process_(std::move(p)) {}
  int64_t unix_seconds() override { return 1'700'000'000 + process_.now_ms() / 1'000; }

private:
  process process_;
};

}  // namespace gkm::sim
