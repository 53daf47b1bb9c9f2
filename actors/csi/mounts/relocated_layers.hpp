/// Index files rewritten for where a pod sees its cache: one layer for each cache and path, shared
/// by all volumes of that pair, thrown away when few are likely to want it.
#pragma once

#include "actors/csi/files/long_work.hpp"
#include "actors/csi/files/trash.hpp"
#include "base/directory_watch.hpp"
#include "messages/digest.hpp"

#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace gkm::csi {

/// Pods choose their mount paths: what nobody uses any more is kept for the next pod, but not much
/// of it.
constexpr size_t unused_layers_max = 4;  ///< of one cache
constexpr uint64_t layer_bytes_max = 256ULL << 20;

struct layer_key {
  digest manifest;
  std::string path_key;  ///< SHA-256 of the mount path

  static layer_key of(const digest& manifest, const std::string& mount_path);
  std::string name() const { return manifest.hex + '/' + path_key; }
  auto operator<=>(const layer_key&) const = default;
};

struct layer {
  base::fd dir;
  uint64_t left_out = 0;  ///< files that could not be rewritten
};

class relocated_layers {
public:
  /// `root` is the open state directory, in which the store lies; it must outlive this.
  static result<std::unique_ptr<relocated_layers>> open(const std::filesystem::path& dir, int root);

  /// The layer, made if it is absent, for the cache that lies in the open directory `stored`.
  /// Others who ask for it meanwhile wait; if `work` ends for the one who makes it, the next of
  /// them does. It stays until as many `release` it as have it.
  result<layer> acquire(const layer_key& key, const std::string& mount_path, int stored,
                        const long_work& work = {});
  void release(const layer_key& key);
  /// Whether `acquire` would find it made.
  bool has(const layer_key& key);
  /// An open directory that holds nothing, for overlays: the kernel takes no single lower layer.
  int empty() const { return empty_.get(); }

  /// Once, at the start: layers that are used stay, each as often as it is listed. With `keep_all`
  /// the others stay as well, for the life of this process: who uses them cannot be told.
  result<void> recover(const std::multiset<layer_key>& used, bool keep_all = false);
  /// From now on a layer that nobody uses goes with its digest. `store`: where digests lie.
  result<void> follow(const std::filesystem::path& store);
  /// Waits until what is to be thrown away is gone.
  void finish() { background_.finish(); }

private:
  struct entry {
    uint64_t users = 0;
    uint64_t left_out = 0;
    uint64_t released = 0;  ///< when; a count
    bool present = false;
    bool being_made = false;
  };
  using entries = std::map<layer_key, entry>;

  relocated_layers(base::fd dir, base::fd empty, int root)
      : dir_(std::move(dir)), empty_(std::move(empty)), root_(root), trash_(dir_.get()) {}
  result<uint64_t> make(const layer_key& key, const std::string& mount_path, int stored,
                        const long_work& work);
  void collect();
  bool drop(entries::iterator which);
  bool is_stored(const digest& manifest) const;

  base::fd dir_;
  base::fd empty_;
  const int root_;
  std::mutex mutex_;
  std::condition_variable_any made_;
  entries entries_;
  uint64_t releases_ = 0;
  trash trash_;
  base::worker_pool background_{1};
  std::unique_ptr<base::directory_watch> store_watch_;  // ends first: it posts to the above
};

}  // namespace gkm::csi
