#include "cli/table.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ostream>

namespace gkm::cli {
namespace {

constexpr size_t gap = 3;

/// Characters, not bytes: continuation bytes of UTF-8 take no column.
size_t width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string_view code(tint t) {
  switch (t) {
    case tint::none:
      return "";
    case tint::good:
      return "\033[32m";
    case tint::bad:
      return "\033[31m";
    case tint::dim:
      return "\033[2m";
  }
  return "";
}

void put(std::ostream& out, const std::vector<cell>& row, const std::vector<size_t>& widths,
         bool colours) {
  for (size_t i = 0; i < row.size(); ++i) {
    bool tinted = colours && row[i].colour != tint::none;
    if (tinted) out << code(row[i].colour);
    out << row[i].text;
    if (tinted) out << "\033[0m";
    if (i + 1 < row.size()) out << std::string(widths[i] - width(row[i].text) + gap, ' ');
  }
  out << '\n';
}

}  // namespace

void table::widen(std::vector<size_t>& widths) const {
  widths.resize(header_.size());
  for (size_t i = 0; i < header_.size(); ++i) widths[i] = std::max(widths[i], width(header_[i]));
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i].text));
}

void table::print(std::ostream& out, bool colours) const {
  std::vector<size_t> widths;
  widen(widths);
  put(out, {header_.begin(), header_.end()}, widths, colours);
  for (const auto& row : rows_) put(out, row, widths, colours);
}

void table::print_more(std::ostream& out, bool colours) {
  bool first = widths_.empty();
  widen(widths_);
  if (first) put(out, {header_.begin(), header_.end()}, widths_, colours);
  for (const auto& row : rows_) put(out, row, widths_, colours);
  rows_.clear();
}

std::string human_bytes(uint64_t bytes) {
  constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  // What would be rounded up to 1024.0 is 1.0 of the next unit.
  while (value >= 1023.95 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", value, units[unit]);
  return text.data();
}

std::string human_seconds(int64_t seconds) {
  if (seconds < 0) seconds = 0;
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7'200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172'800) return std::to_string(seconds / 3'600) + "h";
  return std::to_string(seconds / 86'400) + "d";
}

bool wants_colours() {
  const char* no = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) && !(no && *no) && term && std::string_view(term) != "dumb";
}

}  // namespace gkm::cli
