/// Puts an inventory where it is read from, and only when it says something new: whoever watches
/// the file is not woken for nothing.
#pragma once

#include "messages/target.hpp"

#include <string>
#include <vector>

namespace gkm::gpus {

class inventory_writer {
public:
  /// `file` may be "-": standard output.
  explicit inventory_writer(std::string file) : file_(std::move(file)) {}

  /// True if it differs from what was there.
  result<bool> write(const std::vector<gpu>& gpus);

private:
  const std::string file_;
  std::string printed_;
};

}  // namespace gkm::gpus
