#include "gpus/inventory_writer.hpp"

#include "base/files.hpp"
#include "gpus/inventory.hpp"

#include <filesystem>
#include <iostream>

namespace gkm::gpus {

result<bool> inventory_writer::write(const std::vector<gpu>& gpus) {
  const auto text = print_inventory(gpus);
  if (file_ == "-") {
    if (text == printed_) return false;
    std::cout << text << std::flush;
    if (!std::cout) return fail(errc::io, "Cannot write to standard output");
    printed_ = text;
    return true;
  }
  // A previous run may have written it.
  const auto file = std::filesystem::absolute(file_);
  if (auto there = base::read_file(file, text.size()); there && *there == text) return false;
  if (auto written = base::write_file_atomically(file, text); !written)
    return fail(written.error());
  return true;
}

}  // namespace gkm::gpus
