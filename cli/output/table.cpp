#include "cli/output/table.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ostream>

namespace gkm::cli {
namespace {

constexpr size_t gap = 3;

/// What is left for the last column must be worth reading.
constexpr size_t last_columns_min = 24;
constexpr size_t cell_columns_min = 8;

bool goes_on(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// How many bytes the first `columns` characters have.
size_t bytes_of(std::string_view text, size_t columns) {
  size_t at = 0;
  for (size_t n = 0; at < text.size(); ++at)
    if (!goes_on(text[at]) && n++ == columns) break;
  return at;
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

void put_cell(std::ostream& out, const cell& c, const std::string& text, bool colours) {
  bool tinted = colours && c.colour != tint::none;
  if (tinted) out << code(c.colour);
  out << text;
  if (tinted) out << "\033[0m";
}

void put(std::ostream& out, const std::vector<cell>& row, const std::vector<size_t>& widths,
         bool colours) {
  for (size_t i = 0; i < row.size(); ++i) {
    put_cell(out, row[i], row[i].text, colours);
    if (i + 1 < row.size()) out << std::string(widths[i] - width_of(row[i].text) + gap, ' ');
  }
  out << '\n';
}

/// How a table is laid out on a terminal.
struct arrangement {
  std::vector<size_t> widths;  ///< of all columns but the last
  size_t before_last = 0;      ///< where the last one begins
  size_t columns = 0;
  bool below = false;  ///< the last one stands below the line
};

arrangement arrange(std::vector<size_t> widths, size_t columns) {
  widths.pop_back();
  arrangement a{std::move(widths), 0, columns};
  auto measure = [&] {
    a.before_last = 0;
    for (auto w : a.widths) a.before_last += w + gap;
  };
  measure();
  a.below = a.before_last + last_columns_min > columns;
  // Names are cut only where nothing else helps.
  for (; a.below && a.before_last > columns + gap; measure()) {
    auto widest = std::max_element(a.widths.begin(), a.widths.end());
    if (widest == a.widths.end() || *widest <= cell_columns_min) break;
    --*widest;
  }
  return a;
}

void put_arranged(std::ostream& out, const std::vector<cell>& row, const arrangement& a,
                  bool colours) {
  size_t used = 0;
  for (size_t i = 0; i < a.widths.size() && used < a.columns; ++i) {
    auto text = cut_to(row[i].text, std::min(a.widths[i], a.columns - used));
    put_cell(out, row[i], text, colours);
    auto pad = std::min(a.widths[i] - width_of(text) + gap, a.columns - used - width_of(text));
    used += width_of(text) + pad;
    bool ends = i + 1 == a.widths.size() && a.below;
    if (!ends) out << std::string(pad, ' ');
  }
  constexpr size_t indent = 2;
  auto begin = a.below ? indent : a.before_last;
  auto lines = wrap_to(row.back().text, std::max<size_t>(a.columns, begin + 1) - begin);
  if (a.below || lines.empty()) out << '\n';
  for (size_t i = 0; i < lines.size(); ++i) {
    if (a.below || i > 0) out << std::string(begin, ' ');
    put_cell(out, row.back(), lines[i], colours);
    out << '\n';
  }
}

}  // namespace

void table::widen(std::vector<size_t>& widths) const {
  widths.resize(header_.size());
  for (size_t i = 0; i < header_.size(); ++i) widths[i] = std::max(widths[i], width_of(header_[i]));
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i].text));
}

void table::print(std::ostream& out, bool colours, size_t columns) const {
  std::vector<size_t> widths;
  widen(widths);
  size_t all = 0;
  for (auto w : widths) all += w + gap;
  if (columns > 0 && all - gap > columns && widths.size() > 1) {
    auto a = arrange(widths, columns);
    std::vector<cell> header(header_.begin(), header_.end());
    if (a.below) header.back().text.clear();
    put_arranged(out, header, a, colours);
    for (const auto& row : rows_) put_arranged(out, row, a, colours);
    return;
  }
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

size_t terminal_columns() {
  winsize w{};
  if (!::isatty(STDOUT_FILENO) || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0) return 0;
  return w.ws_col;
}

size_t width_of(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !goes_on(c); }));
}

std::string cut_to(std::string_view text, size_t columns) {
  if (width_of(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  return std::string(text.substr(0, bytes_of(text, columns - 1))) + "…";
}

std::vector<std::string> wrap_to(std::string_view text, size_t columns) {
  std::vector<std::string> lines;
  while (width_of(text) > columns) {
    auto end = bytes_of(text, columns);
    auto blank = text.substr(0, end + 1).rfind(' ');
    bool breaks = blank != text.npos && blank > 0;
    lines.emplace_back(text.substr(0, breaks ? blank : end));
    text.remove_prefix(breaks ? blank + 1 : end);
  }
  if (!text.empty()) lines.emplace_back(text);
  return lines;
}

bool wants_colours() {
  const char* no = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) && !(no && *no) && term && std::string_view(term) != "dumb";
}

}  // namespace gkm::cli
