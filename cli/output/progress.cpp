#include "cli/output/progress.hpp"

#include "cli/output/table.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace gkm::cli {
namespace {

constexpr size_t bar_columns = 28;
constexpr size_t bar_columns_min = 6;
constexpr size_t usual_columns = 80;
constexpr std::chrono::milliseconds between_frames{100};
/// Without a terminal a line now and then says that a long transfer is alive.
constexpr std::chrono::milliseconds between_lines{5'000};

size_t columns() {
  winsize w{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : usual_columns;
}

}  // namespace

std::string progress_line(std::string_view label, uint64_t done_bytes, uint64_t total_bytes,
                          double seconds, size_t columns) {
  auto done = static_cast<double>(done_bytes);
  auto share = std::min(done / static_cast<double>(std::max<uint64_t>(total_bytes, 1)), 1.0);
  auto rate = seconds > 0 ? done / seconds : 0.0;
  auto figures = human_bytes(done_bytes) + " of " + human_bytes(total_bytes);
  std::string pace;
  if (rate >= 1) {
    auto left = static_cast<double>(total_bytes - std::min(total_bytes, done_bytes)) / rate;
    pace = ", " + human_bytes(static_cast<uint64_t>(rate)) + "/s, " +
           human_seconds(static_cast<int64_t>(left + 1)) + " left";
  }
  // The last column is left free: some terminals wrap when it is written.
  auto room = std::max<size_t>(columns, 2) - 1;
  auto text = std::string(label) + "  ";
  for (const auto& words : {figures + pace, figures}) {
    constexpr size_t around_bar = 3;  // brackets and a blank
    auto used = text.size() + words.size() + around_bar;
    if (used + bar_columns_min > room) continue;
    auto bar = std::min(bar_columns, room - used);
    auto full = static_cast<size_t>(share * static_cast<double>(bar));
    return text + "[" + std::string(full, '#') + std::string(bar - full, '.') + "] " + words;
  }
  return cut_to(figures, room);
}

progress_bar::progress_bar(std::string label)
    : label_(std::move(label)),
      terminal_(::isatty(STDERR_FILENO)),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_) {}

progress_bar::~progress_bar() {
  if (visible_) std::cerr << "\r\033[K" << std::flush;
}

void progress_bar::update(uint64_t done_bytes, uint64_t total_bytes) {
  auto now = std::chrono::steady_clock::now();
  if (total_bytes == 0 || now - drawn_ < (terminal_ ? between_frames : between_lines)) return;
  drawn_ = now;
  if (!terminal_) {
    std::cerr << label_ << ", " << human_bytes(done_bytes) << " of " << human_bytes(total_bytes)
              << std::endl;
    return;
  }
  visible_ = true;
  auto seconds = std::chrono::duration<double>(now - start_).count();
  std::cerr << "\r\033[K" << progress_line(label_, done_bytes, total_bytes, seconds, columns())
            << std::flush;
}

}  // namespace gkm::cli
