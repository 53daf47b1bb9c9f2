/// The names in a layer: which of them are the cache's, and which must not be. Pure functions;
/// every name is hostile.
#pragma once

#include "messages/errors.hpp"
#include "oci/extract/extract.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gkm::oci {

/// Where an entry lies, as far as its first component tells.
struct entry_place {
  std::string_view cache_type;  ///< "triton" or "vllm"; empty: outside of every content directory
  std::string_view top;         ///< the first component that is not `.` or `..`
};
entry_place place_of(std::string_view name);

/// True if the name is a whiteout that would hide the content directory of an earlier layer.
bool hides_content(std::string_view name);

/// The path beneath the content directory, for a name that `place_of` puts there: components joined
/// by single slashes, empty for the content directory itself; a slash in front of the name is
/// dropped, as some image builders write it. Refuses `..`, whiteouts, control characters and what
/// is not UTF-8; `errc::limit_exceeded` for names too long or too deep.
result<std::string> path_in_content(std::string_view name, const extract_limits& limits);

/// For a symlink at `path` whose absolute target lies in the image's content directory of this
/// type: the same place as a target relative to the link. Nothing for any other target.
std::optional<std::string> target_in_content(std::string_view path, std::string_view target,
                                             std::string_view cache_type);

/// Refuses a symlink at `path` (as `path_in_content` returns it) whose target is absolute, leaves
/// the cache, or goes up again after it went down: the latter could leave it through another link.
result<void> check_symlink(std::string_view path, std::string_view target,
                           const extract_limits& limits);

/// Fit for an error text: at most 200 bytes, what is not printable UTF-8 as \xNN, in single quotes.
std::string in_quotes(std::string_view name);

}  // namespace gkm::oci
