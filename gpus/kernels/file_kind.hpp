/// What a cache's file is to the scan, by its name alone.
#pragma once

#include <string_view>

namespace gkm::gpus {

enum class file_kind {
  other,  ///< may hold kernels anywhere: artifacts, pickles, shared objects, files without a suffix
  kernel,       ///< .cubin, .hsaco: one kernel, or a bundle of them
  kernel_json,  ///< may be Triton's JSON of a kernel
  ptx,
  irrelevant,  ///< text
};

file_kind kind_of(std::string_view file_name);

/// "add_kernel" of "add_kernel.cubin".
std::string_view stem_of(std::string_view file_name);

}  // namespace gkm::gpus
