/// Real images: registries and OCI layouts, on worker threads.
#pragma once

#include "actors/node/ports.hpp"
#include "base/worker_pool.hpp"

#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>

namespace gkm::oci {
class source;
struct extract_limits;
struct resolved_image;
}  // namespace gkm::oci

namespace gkm::node {

/// Where images come from for who logs in with these secrets ("namespace/name"). Blocks.
using source_opener = std::function<result<std::shared_ptr<oci::source>>(
    const std::vector<std::string>& pull_secrets, std::stop_token stop)>;

class oci_images : public image_port {
public:
  /// One source for all, which no secret opens. Both must outlive the port.
  oci_images(oci::source& from, const oci::extract_limits& limits);
  /// A source is opened for each question and each transfer, and dropped after it.
  oci_images(source_opener open, const oci::extract_limits& limits);
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
                                    const oci::resolved_image& image,
                                    const std::function<void(uint64_t, uint64_t)>& progress,
                                    std::stop_token stop);
  result<resolved_ptr> recall(oci::source& from, const image_plan& plan, std::stop_token stop);
  void remember(resolved_ptr image);

  const source_opener open_;
  const oci::extract_limits& limits_;
  std::mutex mutex_;
  std::list<resolved_ptr> recent_;  ///< so that a pull need not ask for its manifest again
  base::worker_pool questions_;
  base::worker_pool transfers_;
};

struct extracted_cache {
  stored_cache facts;
  std::string relocations;  ///< a printed relocation_list; empty: no file needs it
};

/// Extracts a resolved image into `content` (an empty directory), reads the kernels' targets on
/// the way and notes which files hold paths of another machine. What both `gkm up` and `gkm pull`
/// do. Blocks.
result<extracted_cache> extract_cache(oci::source& from, const oci::resolved_image& image,
                                      const std::string& content, const oci::extract_limits& limits,
                                      const std::function<void(uint64_t, uint64_t)>& progress,
                                      std::stop_token stop);

/// What a manifest claims to be for would be used by one of these GPUs. Without any GPU everything
/// would.
bool would_use(const std::vector<target>& claimed, const std::vector<gpu>& gpus);

}  // namespace gkm::node
