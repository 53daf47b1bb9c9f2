/// From a record to the mount that a pod sees: what lies in which layer, and what to do where the
/// kernel cannot.
#pragma once

#include "actors/csi/mounts/mount_calls.hpp"
#include "actors/csi/mounts/relocated_layers.hpp"
#include "actors/csi/mounts/target_tree.hpp"
#include "actors/csi/scratch/scratch_budget.hpp"
#include "actors/csi/scratch/scratch_space.hpp"
#include "messages/volume.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>

namespace gkm::csi {

/// Tells the mounts of one state directory, given by its real path, from those of others.
std::string instance_of(const std::string& real_root);

/// What overlays have as their device in the mount table, so that a restart knows whose they are.
std::string view_source(const std::string& instance, const std::string& key);

class view_builder {
public:
  struct deps {
    int root;              ///< the open state directory
    std::string boot;      ///< this boot's id
    std::string instance;  ///< of this state directory
    scratch_space& scratch;
    relocated_layers& layers;
    mount_calls& mounts;
    scratch_budget& budget;
  };
  explicit view_builder(deps d) : d_(std::move(d)) {}

  /// How much of a cache a build is likely to read or write, to copy it or to make its layer.
  enum class work : uint8_t { none, small, large };
  work work_of(const volume_record& record) const;
  /// Mounts the view on the target; `record` becomes what was possible and allowed. Opens the
  /// volume's account in the budget. Answers the layer that is
  /// in use until it is released. After an error nothing is mounted, but scratch may be left.
  result<std::optional<layer_key>> build(volume_record& record, const std::string& key,
                                         const target_tree::prepared& at, const long_work& limits);

private:
  struct source {
    base::fd content;
    std::optional<layer_key> key;
    layer relocated;  ///< if there is a key
  };

  /// Which digests were found whole a moment ago: many pods that start together are one look.
  class recent_looks {
  public:
    bool has(const std::string& hex, uint64_t inode);
    void put(const std::string& hex, uint64_t inode);

  private:
    static constexpr std::chrono::milliseconds look_lasts{250};
    static constexpr size_t looks_max = 256;
    struct look {
      uint64_t inode = 0;
      std::chrono::steady_clock::time_point at;
    };
    std::mutex mutex_;
    std::map<std::string, look> looks_;
  };

  result<void> check_whole(const base::fd& stored, const digest& manifest);
  result<source> open_source(volume_record& record, const long_work& limits);
  result<void> relocate_source(volume_record& record, const base::fd& stored, source& from,
                               const long_work& limits);
  result<void> mount_on(volume_record& record, const std::string& key, const source& from,
                        const target_tree::prepared& at, const long_work& limits);
  result<void> overlay(volume_record& record, const std::string& key, const source& from,
                       const target_tree::prepared& at, const long_work& limits);
  result<void> read_only(volume_record& record, const std::string& key, const source& from,
                         const target_tree::prepared& at, const long_work& limits);
  result<void> copy(volume_record& record, const std::string& key, const source& from,
                    const target_tree::prepared& at, const long_work& limits);
  result<void> empty(const volume_record& record, const std::string& key,
                     const target_tree::prepared& at);

  const deps d_;
  recent_looks looked_at_;
  std::atomic<bool> overlays_fail_ = false;  ///< here: they become copies
};

}  // namespace gkm::csi
