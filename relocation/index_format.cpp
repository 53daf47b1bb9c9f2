#include "relocation/index_format.hpp"

namespace gkm::relocation {

std::optional<index_format> format_of(std::string_view path) {
  auto name = path.substr(path.rfind('/') + 1);
  if (name == "vllm_compile_cache.py") return index_format::vllm_index;
  if (name.starts_with("__grp__") && name.ends_with(".json")) return index_format::triton_group;
  return std::nullopt;
}

result<found_paths> read_index(index_format format, std::string_view text) {
  switch (format) {
    case index_format::triton_group:
      return read_triton_group(text);
    case index_format::vllm_index:
      return read_vllm_index(text);
  }
  return fail(errc::internal, "of no known format");
}

}  // namespace gkm::relocation
