/// How much pods may write on this node, by volume, pod, namespace and in all: what the
/// administrator allows, what was promised, and what is written. From any thread.
///
/// A volume that asked for more than the default counts as that, or as what was found in it if that
/// is more. Others count as what was found: few pods ever fill the default.
#pragma once

#include "messages/errors.hpp"
#include "messages/quantity.hpp"
#include "messages/volume.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gkm::csi {

/// Shares of the file system that scratch lies on. Absent: no limit.
struct scratch_limits {
  std::optional<share> volume;
  std::optional<share> pod;
  std::optional<share> ns;
  std::optional<share> node;
  std::optional<share> reserve;  ///< stays free: neither copies nor layers are written into it
};

/// The names of the limits in gkm-config.
namespace scratch_setting {
constexpr const char* volume = "gkm.csi.scratch.volume.size";
constexpr const char* pod = "gkm.csi.scratch.pod.size";
constexpr const char* ns = "gkm.csi.scratch.namespace.size";
constexpr const char* node = "gkm.csi.scratch.node.size";
constexpr const char* reserve = "gkm.csi.scratch.reserve.size";
}  // namespace scratch_setting

/// Of the file system, in bytes.
struct disk_room {
  uint64_t whole = 0;
  uint64_t free = 0;
};

/// A volume whose scratch is to be looked at.
struct scratch_owner {
  std::string key;
  std::string volume_id;
  std::string target;
  uint64_t granted = 0;  ///< 0: no limit
};

class scratch_budget {
public:
  explicit scratch_budget(std::function<disk_room()> disk) : disk_(std::move(disk)) {}

  /// For what is asked from now on.
  void set(const scratch_limits& limits);

  /// Opens the volume's account; answers how much its pod may write (0: no limit), which is what it
  /// asked for, or for the default what is left of it. errc::limit_exceeded names the setting.
  result<uint64_t> admit(const std::string& key, const volume_record& record);
  /// The account of a volume that is mounted already, or that has nothing to write: as its record
  /// says.
  void adopt(const std::string& key, const volume_record& record);
  void close(const std::string& key);

  /// So many bytes are about to be written for the volume. errc::limit_exceeded, or errc::no_space
  /// where only the reserve is left.
  result<void> spend(const std::string& key, uint64_t bytes);
  /// So many bytes were found in the volume's scratch.
  void found(const std::string& key, uint64_t bytes);
  std::optional<uint64_t> used(const std::string& key) const;

  /// The volume measured the longest ago, namespaces taking turns; nothing if there is
  /// none. It counts as looked at from now on.
  std::optional<scratch_owner> next();

private:
  struct account {
    scratch_owner owner;
    std::string pod;
    std::string ns;
    bool asked = false;  ///< for more than the default
    uint64_t spent = 0;
    uint64_t found = 0;
    uint64_t looked_at = 0;  ///< a count

    uint64_t used() const { return std::max(spent, found); }
    uint64_t weight() const { return asked ? std::max(used(), owner.granted) : used(); }
  };
  using accounts = std::map<std::string, account>;
  struct level {
    const std::optional<share>& limit;
    const char* setting;
    std::string whose;
    uint64_t used;
  };

  static account account_of(const std::string& key, const volume_record& record);
  void count(const account& a, bool added);
  template <class Change>
  void change(account& a, Change how);
  std::vector<level> levels_of(const account& a, const disk_room& disk) const;
  result<void> check(const account& a, uint64_t more, const disk_room& disk) const;

  const std::function<disk_room()> disk_;
  mutable std::mutex mutex_;
  scratch_limits limits_;
  accounts accounts_;
  std::map<std::string, uint64_t> pods_;        ///< sums of weights
  std::map<std::string, uint64_t> namespaces_;  ///< the same
  std::map<std::string, uint64_t> turns_;       ///< when a namespace was last looked at; a count
  uint64_t looks_ = 0;
};

/// "2.5 GiB", for people.
std::string size_text(uint64_t bytes);

}  // namespace gkm::csi
