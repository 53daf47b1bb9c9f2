/// ELF images with true headers and invented code: what a kernel binary looks like to anything that
/// does not run it.
#pragma once

#include "sample/chance.hpp"
#include "sample/target.hpp"

#include <cstddef>
#include <string>

namespace gkm::sample {

/// A .hsaco or .cubin of about `bytes` (never less than its headers need).
std::string kernel_elf(const gpu_target& target, const std::string& kernel, size_t bytes,
                       chance& random);

/// A shared library for the CPU, as Triton compiles its launchers.
std::string host_library_elf(size_t bytes, chance& random);

}  // namespace gkm::sample
