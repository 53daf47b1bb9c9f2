/// gkm-agent without a process, a disk and transfers of its own: its actors and its dealings with
/// the API are the real ones, so that many can run in one program.
#pragma once

#include "actors/node/ports.hpp"
#include "k8s/config.hpp"
#include "messages/actors/caf.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace gkm::support {

/// Any image, at once: a cache for gfx90a.
class instant_images : public node::image_port {
public:
  void resolve(const cache_spec& wanted, const std::vector<gpu>& gpus, std::stop_token stop,
               answer<image_plan> reply) override;
  void prove(const image_plan&, std::stop_token, answer<bool> reply) override { reply(true); }
  void fetch(const image_plan& plan, const std::string& staging,
             std::function<void(uint64_t, uint64_t)> progress, std::stop_token stop,
             answer<stored_cache> reply) override;
};

/// A state directory in memory.
class instant_disk : public node::disk_port {
public:
  void recover(answer<recovered> reply) override { reply(recovered{}); }
  void stage(uint64_t needed_bytes, answer<std::string> reply) override;
  void commit(const std::string& staging, const stored_cache& facts, answer<done> reply) override;
  void sync(const digest&, answer<done> reply) override { reply(done{}); }
  void discard(const std::string&, answer<done> reply) override { reply(done{}); }
  void remove(const digest& manifest, answer<done> reply) override;
  void check(const digest&, node::check_depth, answer<done> reply) override { reply(done{}); }
  void set_aside(const digest& manifest, answer<done> reply) override { remove(manifest, reply); }
  void write_record(const catalog_record& record, answer<std::string> reply) override;
  void forget(const cache_ref&, answer<done> reply) override { reply(done{}); }

  size_t stored() const;

private:
  mutable std::mutex mutex_;
  std::map<digest, stored_cache> store_;
};

class light_agent {
public:
  /// As the agent of that node. `system` must outlive it.
  light_agent(caf::actor_system& system, k8s::config api, const std::string& node_name);
  ~light_agent();
  light_agent(const light_agent&) = delete;
  light_agent& operator=(const light_agent&) = delete;

  /// Digests.
  size_t stored() const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace gkm::support
