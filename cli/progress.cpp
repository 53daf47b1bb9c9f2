#include "cli/progress.hpp"

#include "cli/table.hpp"

#include <unistd.h>

#include <iostream>

namespace gkm::cli {
namespace {

constexpr size_t bar_columns = 28;
constexpr std::chrono::milliseconds between_frames{100};
/// Without a terminal a line now and then says that a long transfer is alive.
constexpr std::chrono::milliseconds between_lines{5'000};

}  // namespace

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
  auto share = static_cast<double>(done_bytes) / static_cast<double>(total_bytes);
  auto full = static_cast<size_t>(std::min(share, 1.0) * bar_columns);
  auto seconds = std::chrono::duration<double>(now - start_).count();
  auto rate = static_cast<uint64_t>(static_cast<double>(done_bytes) / seconds);
  std::cerr << "\r\033[K" << label_ << "  [" << std::string(full, '#')
            << std::string(bar_columns - full, '.') << "] " << human_bytes(done_bytes) << " of "
            << human_bytes(total_bytes) << ", " << human_bytes(rate) << "/s" << std::flush;
}

}  // namespace gkm::cli
