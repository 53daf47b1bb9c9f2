/// Which volume uses what: one small file a volume, which the agent reads too.
#pragma once

#include "messages/paths.hpp"
#include "messages/volume.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gkm::csi {

/// The name of a volume on disk: the SHA-256 of its id, in hexadecimal.
std::string volume_key(const std::string& volume_id);

class volume_records {
public:
  /// How many records there are by now.
  using observer = std::function<void(size_t)>;

  /// Makes the directory if it is missing. `observe` may be empty.
  static result<volume_records> open(const paths& where, observer observe = {});

  /// errc::not_found if there is none, errc::malformed if it cannot be read: its volume may be
  /// mounted.
  result<volume_record> read(const std::string& volume_id) const;
  /// What `read` would say, without touching the disk: nobody else writes here, so once `list` has
  /// read everything, memory knows. Nothing before that.
  std::optional<result<volume_record>> recall(const std::string& volume_id) const;
  result<void> write(const volume_record& record) const;
  /// Nothing there is success.
  result<void> erase(const std::string& volume_id) const;
  struct listing {
    std::vector<volume_record> records;
    std::set<std::string> unreadable;  ///< keys of the volumes whose records cannot be read
  };
  /// All that there are. A record that cannot be read stays and is said in the log, unless it is
  /// from before this boot: then it is set aside. Half-written files are removed.
  result<listing> list() const;

private:
  struct memory {
    std::mutex mutex;
    std::map<std::string, volume_record> records;  ///< by key
    std::map<std::string, error> unreadable;       ///< by key
    bool complete = false;
  };

  volume_records(paths where, observer observe)
      : where_(std::move(where)),
        observe_(std::move(observe)),
        memory_(std::make_unique<memory>()) {}
  result<volume_record> read_key(const std::string& key) const;
  bool set_aside_if_old(const std::string& key, const error& why) const;

  /// With the memory locked.
  void tell() const;

  paths where_;
  observer observe_;
  std::unique_ptr<memory> memory_;
};

}  // namespace gkm::csi
