/// The limits of gkm-csi's parts, added up against those of its container.

#include "actors/csi/files/copy_tree.hpp"
#include "actors/csi/files/tree_size.hpp"
#include "actors/csi/mount.hpp"
#include "actors/csi/mounts/mounted_volumes.hpp"
#include "actors/csi/services/server.hpp"
#include "actors/csi/services/socket_listener.hpp"
#include "actors/csi/volumes.hpp"
#include "messages/relocation.hpp"

#include <gtest/gtest.h>

namespace gkm::csi {
namespace {

constexpr size_t mib = 1 << 20;
/// Of deploy/base/csi.yaml.
constexpr size_t container_bytes = 256 * mib;
/// What some container runtimes give as hard limit.
constexpr size_t container_descriptors = 1'024;

constexpr size_t copies_at_once = small_copy_turns.places + large_copy_turns.places;
constexpr size_t calls_at_once = publishes_max + unpublishes_max + measures_max;

}  // namespace

TEST(limits, of_all_parts_fit_the_containers_memory) {
  constexpr size_t program = 32 * mib;
  // Measured: gRPC's and the actors' own, with a message that is there as text and as fields.
  constexpr size_t call = (40 << 10) + 2 * max_message_bytes + max_metadata_bytes;
  constexpr size_t literal = sizeof(path_literal) + 64;  // and its text, which the list holds
  constexpr size_t layer = max_relocated_file_bytes + max_file_literals * literal +
                           max_relocations_bytes + max_relocated_files * 32;
  constexpr size_t records = 1'000 * size_t{16 << 10};
  constexpr size_t all = program + calls_at_once * call + copies_at_once * layer + records;
  RecordProperty("mib", static_cast<int>(all / mib));
  EXPECT_LT(all, container_bytes * 9 / 10) << all / mib << " MiB";
}

TEST(limits, of_all_parts_fit_the_containers_descriptors) {
  constexpr size_t program = 48;  // sockets, watches, event queues, directories
  constexpr size_t step = 8;      // of a mount or unmount
  constexpr size_t copies = copies_at_once * (2 * copied_depth_max + step);
  constexpr size_t looks = (measuring_turns.places + 1) * (counted_depth_max + 1);
  constexpr size_t steps = (entering_turns.places + leaving_turns.places) * step;
  constexpr size_t work = program + copies + looks + steps;
  EXPECT_LT(work + calls_at_once, container_descriptors) << work << " beside " << calls_at_once;
  EXPECT_GE(kept_descriptors, steps + unpublishes_max) << "however many connections there are";
}

}  // namespace gkm::csi
