/// Text for people: tables whose columns line up, sizes and times in words, colours on terminals
/// only.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::cli {

enum class tint { none, good, bad, dim };

struct cell {
  std::string text;
  tint colour = tint::none;

  cell(std::string t, tint c = tint::none) : text(std::move(t)), colour(c) {}
  cell(const char* t) : text(t) {}
};

/// Columns as wide as their widest cell; the last one is as long as it is. On a terminal that is
/// narrower, long cells are cut and the last column is wrapped, or stands below its line.
class table {
public:
  explicit table(std::vector<std::string> header) : header_(std::move(header)) {}
  void add(std::vector<cell> row) { rows_.push_back(std::move(row)); }
  /// `columns`: of the terminal; 0: no limit.
  void print(std::ostream& out, bool colours, size_t columns = 0) const;
  /// Prints what was added since the last call, below it: the header once, columns that only grow.
  void print_more(std::ostream& out, bool colours);

private:
  void widen(std::vector<size_t>& widths) const;

  std::vector<std::string> header_;
  std::vector<std::vector<cell>> rows_;
  std::vector<size_t> widths_;  ///< of what was printed before
};

/// "812 B", "1.2 MiB".
std::string human_bytes(uint64_t bytes);
/// "4s", "3m", "2h", "5d".
std::string human_seconds(int64_t seconds);

/// Of the terminal that standard output is; 0 if it is none.
size_t terminal_columns();

/// Characters, not bytes: continuation bytes of UTF-8 take no column.
size_t width_of(std::string_view text);
/// At most `columns` wide, with … at its end if it was cut.
std::string cut_to(std::string_view text, size_t columns);
/// Lines of at most `columns`, broken at blanks where there are some.
std::vector<std::string> wrap_to(std::string_view text, size_t columns);

/// Standard output is a terminal, and neither NO_COLOR nor TERM=dumb forbids colours.
bool wants_colours();

}  // namespace gkm::cli
