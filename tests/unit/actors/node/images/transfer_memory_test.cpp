/// What the limits of a transfer's parts come to.
#include "actors/node/images/oci_images.hpp"
#include "actors/node/puller.hpp"
#include "actors/node/questions.hpp"
#include "gpus/kernels/elf_kernel.hpp"
#include "gpus/kernels/kernel_text.hpp"
#include "messages/relocation.hpp"
#include "oci/extract/cache_tree.hpp"
#include "oci/extract/decompress.hpp"
#include "oci/extract/layer_stream.hpp"
#include "oci/extract/unpacker.hpp"
#include "oci/json_limits.hpp"
#include "oci/manifest.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace gkm::node {
namespace {

constexpr uint64_t twice = 2;                // a buffer that grows holds its old half meanwhile
constexpr uint64_t json_memory_factor = 24;  // a document, per byte of its text
constexpr uint64_t literal_bytes = 128;      // a path found, and what is listed of it
constexpr uint64_t heap_overhead_bytes = 4 << 20;

}  // namespace

TEST(transfer_memory, parts_add_up_to_no_more_than_is_said) {
  const uint64_t blocks = oci::layer_blocks_max * oci::layer_block_bytes;
  const uint64_t window = 1ULL << oci::max_zstd_window_log;
  const uint64_t tree = oci::cache_entries_max * oci::tree_entry_memory_max;
  const uint64_t headers =
      (oci::entry_header_bytes_max + oci::layer_block_bytes) * oci::header_memory_factor;
  const uint64_t kernel = std::max<uint64_t>(twice * gpus::max_image_bytes,
                                             gpus::max_kernel_json_bytes * json_memory_factor);
  const uint64_t names = max_relocations_bytes;
  // A header is read between files, so it and a kernel are never there together.
  const uint64_t extracting =
      blocks + window + tree + std::max(headers, kernel) + twice * names + heap_overhead_bytes;
  EXPECT_LE(extracting, transfer_memory_max);

  const uint64_t index = 3 * max_relocated_file_bytes + max_file_literals * literal_bytes;
  const uint64_t scanning = twice * names + max_relocated_files * sizeof(std::string_view) + index;
  EXPECT_LE(scanning, transfer_memory_max);
}

TEST(transfer_memory, all_transfers_and_questions_fit_the_agent) {
  constexpr uint64_t agent_limit = 512 << 20;    // deploy/base/agent.yaml
  constexpr uint64_t agent_itself = 64 << 20;    // with 2,000 caches: 43 MB
  constexpr uint64_t json_value_bytes = 16 * 3;  // on the parser's stack as it grows, and kept
  constexpr uint64_t question =                  // the text, its copy, what it is read into
      twice * oci::max_manifest_bytes + oci::json::max_json_values * json_value_bytes;
  EXPECT_LE(transfers_max * transfer_memory_max + questions_max * question + agent_itself,
            agent_limit);
}

}  // namespace gkm::node
