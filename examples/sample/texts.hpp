/// The intermediate texts that Triton leaves beside a kernel, invented line by line: true first
/// lines (a reader finds the target there), then as much body as asked, as compressible as real
/// ones.
#pragma once

#include "sample/chance.hpp"
#include "sample/target.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace gkm::sample {

/// How one kind of text looks. In `lines`, '$' is the line's own number, '?' an earlier one's and
/// '&' a place in the source.
struct dialect {
  std::string extension;
  std::string head;
  std::vector<std::string> lines;
  std::string tail;
  /// Its part of a kernel's bytes, in hundredths.
  unsigned share;
};

/// ttir, ttgir, llir, and amdgcn or ptx, in the order in which Triton makes them.
std::vector<dialect> dialects(const gpu_target& target, const std::string& kernel);

std::string invented_text(const dialect& d, size_t bytes, chance& random);

}  // namespace gkm::sample
