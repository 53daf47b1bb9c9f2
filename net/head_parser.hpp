/// Collects the header lines that libcurl hands over one by one, within limits.
#pragma once

#include "net/http.hpp"

#include <cstddef>
#include <string_view>

namespace gkm::net {

constexpr size_t max_header_bytes = 256 * 1024;  ///< of all blocks of one answer, 1xx included
constexpr size_t max_header_lines = 1'000;

class head_parser {
public:
  enum class outcome { more, block_ended, too_big };

  /// A status line, which begins a new block; a field; or the empty line that ends the block.
  /// Lines that are no field are passed over.
  outcome feed(std::string_view line);

  /// The fields of the last block.
  std::map<std::string, std::string> take_fields() { return std::move(fields_); }

private:
  void add_field(std::string_view line);

  std::map<std::string, std::string> fields_;
  size_t bytes_ = 0;
  size_t lines_ = 0;
};

}  // namespace gkm::net
