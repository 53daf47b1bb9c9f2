/// Real images: registries and OCI layouts, on worker threads.
#pragma once

#include "actors/node/disk_ledger.hpp"
#include "actors/node/ports.hpp"
#include "base/tree_seal.hpp"
#include "base/worker_pool.hpp"

#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>

namespace gkm::oci {
class disk_meter;
class source;
struct extract_limits;
struct resolved_image;
}  // namespace gkm::oci

namespace gkm::node {

/// Where images come from for who logs in with these secrets ("namespace/name"). Blocks.
using source_opener = std::function<result<std::shared_ptr<oci::source>>(
    const std::vector<std::string>& pull_secrets, std::stop_token stop)>;

/// What one transfer holds at most, whatever its image: blocks under way, the window of its
/// compression, the tree's hashes, headers, the kernel or index that is read, the names of indexes;
/// and for what libraries and the heap add.
constexpr uint64_t transfer_memory_max = 52 << 20;

class oci_images : public image_port {
public:
  /// One source for all, which no secret opens. Both must outlive the port.
  oci_images(oci::source& from, const oci::extract_limits& limits,
             std::shared_ptr<disk_ledger> ledger = std::make_shared<disk_ledger>());
  /// A source is opened for each question and each transfer, and dropped after it. What is written
  /// is counted in the ledger.
  oci_images(source_opener open, const oci::extract_limits& limits,
             std::shared_ptr<disk_ledger> ledger = std::make_shared<disk_ledger>());
  /// Waits for what is under way: whoever asked has stopped it.
  ~oci_images() override;

  void resolve(const cache_spec& wanted, const std::vector<gpu>& gpus, std::stop_token stop,
               answer<image_plan> reply) override;
  void prove(const image_plan& plan, std::stop_token stop, answer<bool> reply) override;
  void fetch(const image_plan& plan, const std::string& staging,
             std::function<void(uint64_t, uint64_t)> progress, std::stop_token stop,
             answer<stored_cache> reply) override;

private:
  using resolved_ptr = std::shared_ptr<const oci::resolved_image>;

  result<stored_cache> extract_into(oci::source& from, const std::filesystem::path& staging,
                                    const oci::resolved_image& image, uint64_t said_bytes,
                                    const std::function<void(uint64_t, uint64_t)>& progress,
                                    std::stop_token stop);
  result<resolved_ptr> recall(oci::source& from, const image_plan& plan, std::stop_token stop);
  void remember(resolved_ptr image);

  const source_opener open_;
  const oci::extract_limits& limits_;
  const std::shared_ptr<disk_ledger> ledger_;
  std::mutex mutex_;
  std::list<resolved_ptr> recent_;  ///< so that a pull need not ask for its manifest again
  base::worker_pool questions_;
  base::worker_pool transfers_;
};

/// Extracts a resolved image into `content` (an empty directory), reads the kernels' targets on
/// the way and notes which files hold paths of another machine: `relocations` gets the printed
/// relocation_list, part by part, or nothing if no file needs it. What both `gkm up` and `gkm pull`
/// do. `meter` and `seal`, which looks on, may be null. Blocks.
result<stored_cache> extract_cache(oci::source& from, const oci::resolved_image& image,
                                   const std::string& content, const oci::extract_limits& limits,
                                   const std::function<result<void>(std::string_view)>& relocations,
                                   const std::function<void(uint64_t, uint64_t)>& progress,
                                   std::stop_token stop, oci::disk_meter* meter = nullptr,
                                   base::seal_observer* seal = nullptr);

/// What a manifest claims to be for would be used by one of these GPUs. Without any GPU everything
/// would.
bool would_use(const std::vector<target>& claimed, const std::vector<gpu>& gpus);

}  // namespace gkm::node
