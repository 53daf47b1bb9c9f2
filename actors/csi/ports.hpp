/// The ports of the mount actors: everything that blocks or touches the world. Each has one real
/// implementation (in actors/csi/mounts and actors/csi/catalog) and one fake (in
/// tests/support/sim). A port never calls back into an actor: it answers, once, from any thread.
#pragma once

#include "messages/answer.hpp"
#include "messages/volume.hpp"

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace gkm::csi {

/// A watch: ends when it is destroyed, after which nothing is called any more.
class subscription {
public:
  virtual ~subscription() = default;
};

/// The catalog that the agent writes. What is read there is checked as if an enemy had written it.
class catalog_port {
public:
  virtual ~catalog_port() = default;
  /// errc::not_found if there is no record (yet), errc::malformed if it cannot be trusted.
  virtual void lookup(const cache_ref& ref, answer<catalog_record> reply) = 0;
  /// Calls `changed`, from any thread, whenever the record may have appeared, changed or gone; also
  /// once soon after the start, so that nothing is missed between a lookup and the watch.
  virtual std::unique_ptr<subscription> watch(const cache_ref& ref,
                                              std::function<void()> changed) = 0;
};

/// Volume records, scratch, relocation layers and mounts. Each call is one step, done or not done
/// as a whole as far as the next start can tell; a crash may fall between any two.
class volume_port {
public:
  virtual ~volume_port() = default;
  /// Once, before anything else: compares mount table, records, scratch and targets. Only volumes
  /// that are wholly mounted stay; what another boot or an interrupted step left is undone. Volumes
  /// that another process takes care of stay as they are.
  virtual void recover(answer<done> reply) = 0;
  /// The volume's record; errc::not_found if there is none, errc::malformed if there is one
  /// that cannot be read: its volume may be mounted.
  virtual void read(const std::string& volume_id, answer<volume_record> reply) = 0;
  /// Whether the record's target shows its view now: false if the view is gone or another one.
  virtual void is_mounted(const volume_record& record, answer<bool> reply) = 0;
  virtual void write(const volume_record& record, answer<done> reply) = 0;
  virtual void erase(const std::string& volume_id, answer<done> reply) = 0;
  /// Opens the digest in the store, builds the view that the record asks for and moves it to the
  /// target, which is made if it is absent. Answers the record as it came out: the view that was
  /// possible, with notes for people. On failure nothing is left of it.
  /// Once `stop` is asked for, a view that takes long is given up soon.
  /// Errors: not_found (the digest is not in the store: resolve again), conflict (the target is a
  /// file, a link, a mount of somebody else, or not empty), no_space, limit_exceeded, cancelled,
  /// io.
  virtual void mount(const volume_record& record, std::stop_token stop,
                     answer<volume_record> reply) = 0;
  /// Takes the mount away from `target` (detached if it is busy) and discards the volume's
  /// scratch. Nothing there is success. errc::conflict if what is mounted there is not GKM's
  /// and the volume has no view; errc::busy if it has one that cannot be reached.
  virtual void unmount(const std::string& volume_id, const std::string& target,
                       answer<done> reply) = 0;
  /// Removes the target directory if it is there. errc::conflict if it is not empty or no
  /// directory.
  virtual void remove_target(const std::string& target, answer<done> reply) = 0;
  virtual void measure(const volume_record& record, answer<volume_stats> reply) = 0;
};

/// Wall-clock time and this boot, for records.
class host_port {
public:
  virtual ~host_port() = default;
  virtual int64_t unix_seconds() = 0;
  virtual std::string boot_id() = 0;
};

}  // namespace gkm::csi
