/// Which mounts of this machine are `gkm mount`'s, and of which state directory: one small file a
/// mount in /run/gkm/mounts, since the kernel's table does not tell.
#pragma once

#include "messages/errors.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace gkm::cli {

struct host_mount {
  std::string path;
  std::string state_dir;
  bool found_directory = false;  ///< PATH was there before, and stays when the mount goes

  bool operator==(const host_mount&) const = default;
};

/// The same path is the same volume: mounting again finds it done.
std::string volume_id_of(const std::filesystem::path& target);

result<void> remember_mount(const host_mount& m);
/// Nothing if there is no such file, or none that can be read.
std::optional<host_mount> recall_mount(const std::filesystem::path& target);
void forget_mount(const std::filesystem::path& target);

}  // namespace gkm::cli
