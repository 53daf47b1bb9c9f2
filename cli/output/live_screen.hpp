/// Text on a terminal that is drawn again in its own place.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>

namespace gkm::cli {

struct screen_size {
  size_t rows = 24;
  size_t columns = 80;
};
/// Of the terminal behind standard output.
screen_size size_of_screen();

/// What of `text` (whole lines) fits without a line break or scrolling; the last line says how many
/// lines do not. Colours take no room and end with their line.
std::string fit(const std::string& text, screen_size size);

class live_screen {
public:
  explicit live_screen(std::ostream& out) : out_(out) {}
  /// In the place of what was shown before; the cursor stays below it.
  void show(const std::string& text, screen_size size);

private:
  std::ostream& out_;
  size_t lines_ = 0;
};

}  // namespace gkm::cli
