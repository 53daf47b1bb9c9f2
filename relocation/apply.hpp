/// A list carried out on a directory of one's own, where nothing else is seen meanwhile.
#pragma once

#include "messages/errors.hpp"

#include <filesystem>
#include <string_view>

namespace gkm::relocation {

/// Rewrites the listed files of `content` for a cache that will be seen at `mount_path`. On failure
/// some are rewritten and some are not. Blocks.
result<void> relocate_in_place(const std::filesystem::path& content, std::string_view list,
                               std::string_view mount_path);

}  // namespace gkm::relocation
