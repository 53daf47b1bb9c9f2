/// The index files of frameworks that hold absolute paths, and the paths in them. Every file is
/// hostile: it is parsed, never executed, in bounded depth and number.
#pragma once

#include "messages/errors.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::relocation {

enum class index_format : uint8_t {
  triton_group,  ///< `__grp__<kernel>.json`
  vllm_index,    ///< `vllm_compile_cache.py`
};

/// By its name; nothing for other files.
std::optional<index_format> format_of(std::string_view path);

/// A quoted string literal, quotes included, and the path that it spells.
struct found_path {
  uint64_t begin = 0;
  uint64_t end = 0;
  std::string path;

  bool operator==(const found_path&) const = default;
};

struct found_paths {
  std::vector<found_path> paths;  ///< in ascending order, not overlapping
  uint64_t unwritable = 0;        ///< paths, written so that they cannot be replaced
};

/// True for a path that is absolute, or relative to where the framework ran
/// (`TRITON_CACHE_DIR=./cache`): it has a slash and something else.
inline bool is_path(std::string_view text) {
  return text.find('/') != std::string_view::npos &&
         text.find_first_not_of("/.") != std::string_view::npos;
}

/// The values of `child_paths`. Errors, here and below, continue "x is ": malformed (not the format
/// that its name says), limit_exceeded (more than `max_file_literals`).
result<found_paths> read_triton_group(std::string_view json);

/// The strings in the values of a Python dict literal.
result<found_paths> read_vllm_index(std::string_view python);

result<found_paths> read_index(index_format format, std::string_view text);

}  // namespace gkm::relocation
