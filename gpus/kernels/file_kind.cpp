#include "gpus/kernels/file_kind.hpp"

#include <algorithm>
#include <array>

namespace gkm::gpus {
namespace {

constexpr std::array<std::string_view, 27> irrelevant_suffixes{
    "amdgcn", "best_config", "c",    "cc",   "cpp",   "cu",   "cuh",  "csv",  "h",
    "hip",    "hpp",         "html", "ini",  "ll",    "llir", "lock", "log",  "md",
    "mlir",   "ninja",       "py",   "toml", "ttgir", "ttir", "txt",  "yaml", "yml"};

std::string_view suffix_of(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot == name.npos ? std::string_view() : name.substr(dot + 1);
}

}  // namespace

file_kind kind_of(std::string_view name) {
  const auto suffix = suffix_of(name);
  if (suffix == "cubin" || suffix == "hsaco") return file_kind::kernel;
  if (suffix == "json")
    return name.starts_with("__grp__") ? file_kind::irrelevant : file_kind::kernel_json;
  if (suffix == "ptx") return file_kind::ptx;
  const bool known = std::find(irrelevant_suffixes.begin(), irrelevant_suffixes.end(), suffix) !=
                     irrelevant_suffixes.end();
  return known ? file_kind::irrelevant : file_kind::other;
}

std::string_view stem_of(std::string_view name) { return name.substr(0, name.rfind('.')); }

}  // namespace gkm::gpus
