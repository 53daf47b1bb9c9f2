/// The ports of the node's actors: everything that blocks or touches the world. Each has one real
/// implementation (in actors/node/disk and actors/node/images) and one fake (in
/// tests/support/sim). A port never calls back into an actor: it answers, once, from any thread.
#pragma once

#include "messages/answer.hpp"
#include "messages/cache.hpp"
#include "messages/volume.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace gkm::node {

/// Calls of `fetch` at a time, each with threads and buffers.
constexpr size_t transfers_max = 6;
/// Calls of `resolve` and `prove` at a time: each holds a thread, a connection and at most a
/// manifest and a config in memory.
constexpr size_t questions_max = 8;

/// Images: registries and OCI layouts.
class image_port {
public:
  virtual ~image_port() = default;
  /// A few small requests: what would be pulled for a node with these GPUs. `stop` ends them soon,
  /// with errc::cancelled, here and below.
  virtual void resolve(const cache_spec& wanted, const std::vector<gpu>& gpus, std::stop_token stop,
                       answer<image_plan> reply) = 0;
  /// Whether the image's own repository lets its own login read each layer, as far as it can be
  /// asked without reading them: false if it does not say so.
  virtual void prove(const image_plan& plan, std::stop_token stop, answer<bool> reply) = 0;
  /// Extracts and verifies the planned manifest into an empty staging directory, reading the
  /// kernels' targets on the way. `progress` (bytes so far, of how many) may be called from any
  /// thread until the answer.
  virtual void fetch(const image_plan& plan, const std::string& staging,
                     std::function<void(uint64_t, uint64_t)> progress, std::stop_token stop,
                     answer<stored_cache> reply) = 0;
};

enum class check_depth : uint8_t { names, every_byte };

/// The state directory. The store actor is its only caller.
class disk_port {
public:
  virtual ~disk_port() = default;
  /// Puts back what was being taken out of the store, sweeps the rest of staging and half-written
  /// records, drops what an earlier boot left unsynced, and reads what remains. What does not parse
  /// is set aside, logged and left out.
  virtual void recover(answer<recovered> reply) = 0;
  /// A fresh staging directory. errc::no_space if fewer than `needed_bytes` and a reserve are free.
  virtual void stage(uint64_t needed_bytes, answer<std::string> reply) = 0;
  /// One rename: the staged content becomes visible under its digest, marked unsynced.
  virtual void commit(const std::string& staging, const stored_cache& facts,
                      answer<done> reply) = 0;
  /// Writes everything through to the device, then takes the mark away.
  virtual void sync(const digest& manifest, answer<done> reply) = 0;
  virtual void discard(const std::string& staging, answer<done> reply) = 0;
  /// Out of sight with one rename, then removed; unless a volume record names it, read after that
  /// rename: then it is put back, and the answer is errc::busy. On failure it is there as before.
  virtual void remove(const digest& manifest, answer<done> reply) = 0;
  /// Compares what lies in the store with what was written, without any change to it: names and
  /// sizes, or every byte, slowly. errc::corrupt if it differs: says how. What an earlier version
  /// stored is taken as it is when every byte is read for the first time.
  virtual void check(const digest& manifest, check_depth depth, answer<done> reply) = 0;
  /// A damaged digest: out of the store with one rename; its files stay while a volume uses them.
  virtual void set_aside(const digest& manifest, answer<done> reply) = 0;
  /// Answers with the path where the cache can be used; empty if the record names nothing usable.
  /// Records and forgets are carried out in the order in which they were asked.
  virtual void write_record(const catalog_record& record, answer<std::string> reply) = 0;
  virtual void forget(const cache_ref& ref, answer<done> reply) = 0;
};

/// Where people look.
class status_port {
public:
  virtual ~status_port() = default;
  virtual void write(const cache_status& status, answer<done> reply) = 0;
  virtual void erase(const cache_ref& ref, answer<done> reply) = 0;
};

/// Where the inventory comes from. Calls `changed` with the inventory once, and again when it
/// changes; an error means that it could not be read this time.
class inventory_port {
public:
  virtual ~inventory_port() = default;
  virtual void watch(std::function<void(result<std::vector<gpu>>)> changed) = 0;
};

/// A volume record appeared, changed or, without a record, vanished.
struct volume_record_change {
  std::string key;  ///< of the volume
  std::optional<volume_record> record;

  bool operator==(const volume_record_change&) const = default;
};

/// The volumes of this node, as gkm-csi records them. Only records of this boot count.
class volume_records_port {
public:
  virtual ~volume_records_port() = default;
  /// Calls `changed` first with every record there is, maybe none, then with what has changed. One
  /// call at a time, in order.
  virtual void watch(std::function<void(std::vector<volume_record_change>)> changed) = 0;
};

/// Wall-clock time, for what people and records are told. Actors measure time with the actor clock.
class clock_port {
public:
  virtual ~clock_port() = default;
  virtual int64_t unix_seconds() = 0;
};

}  // namespace gkm::node
