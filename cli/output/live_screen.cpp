#include "cli/output/live_screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>
#include <sstream>
#include <string_view>

namespace gkm::cli {
namespace {

constexpr std::string_view colours_off = "\033[0m";

bool goes_on(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The bytes of an escape sequence that `text` begins with, "ESC [ ... letter"; 0 if there is none.
size_t escape_bytes(std::string_view text) {
  if (!text.starts_with("\033[")) return 0;
  auto end = text.find_first_not_of("0123456789;", 2);
  return end == std::string_view::npos ? text.size() : end + 1;
}

std::string cut(std::string_view line, size_t columns) {
  std::string out;
  bool coloured = false;
  size_t used = 0;
  while (!line.empty()) {
    auto size = escape_bytes(line);
    coloured |= size > 0;
    if (size == 0) {
      if (used++ == columns) break;
      for (size = 1; size < line.size() && goes_on(line[size]);) ++size;
    }
    out += line.substr(0, size);
    line.remove_prefix(size);
  }
  if (coloured) out += colours_off;
  return out;
}

}  // namespace

screen_size size_of_screen() {
  winsize w{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_row == 0 || w.ws_col == 0) return {};
  return {w.ws_row, w.ws_col};
}

std::string fit(const std::string& text, screen_size size) {
  auto all = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  // The cursor's own line is below the text.
  auto room = std::max<size_t>(size.rows, 2) - 1;
  auto shown = all <= room ? all : room - 1;
  std::istringstream lines(text);
  std::string out;
  std::string line;
  for (size_t i = 0; i < shown && std::getline(lines, line); ++i)
    out += cut(line, size.columns) + '\n';
  if (shown < all)
    out += cut("... and " + std::to_string(all - shown) + " more lines", size.columns) + '\n';
  return out;
}

void live_screen::show(const std::string& text, screen_size size) {
  auto now = fit(text, size);
  if (lines_ > 0) out_ << "\033[" << lines_ << "A\r";
  // Each line is overwritten before what is left of it goes: nothing flickers.
  std::istringstream lines(now);
  for (std::string line; std::getline(lines, line);) out_ << line << "\033[K\n";
  out_ << "\033[J" << std::flush;
  lines_ = static_cast<size_t>(std::count(now.begin(), now.end(), '\n'));
}

}  // namespace gkm::cli
