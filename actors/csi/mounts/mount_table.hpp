/// The kernel's table of mounts, as text. Read at the start, and to find a view that was lost.
#pragma once

#include "messages/errors.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::csi {

struct mount_entry {
  uint64_t id = 0;
  uint32_t dev_major = 0;
  uint32_t dev_minor = 0;
  std::string root;        ///< which directory of its file system is seen
  std::string mounted_on;  ///< where
  std::string type;
  std::string source;
};

/// The table in the kernel's order: of two mounts on one directory, the later hides the earlier.
/// Lines that cannot be read are left out.
std::vector<mount_entry> parse_mount_table(std::string_view text);

result<std::vector<mount_entry>> read_mount_table();

}  // namespace gkm::csi
