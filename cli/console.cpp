#include "cli/console.hpp"

#include "cli/table.hpp"

#include <algorithm>
#include <iostream>
#include <utility>

namespace gkm::cli {
namespace {

bool is_ready(const cache_status& s) {
  return s.state == cache_state::extracted || s.state == cache_state::running;
}

bool has_settled(const cache_status& s) { return s.state != cache_state::pending; }

/// Bytes so far are news too, but only while a person waits for them.
bool is_news(const cache_status& before, const cache_status& now) {
  return before.state != now.state || before.message != now.message || before.image != now.image ||
         before.warnings != now.warnings || before.pulled_bytes != now.pulled_bytes;
}

std::string line_for(const cache_status& s) {
  auto line = s.ref.str() + ": " + std::string(to_string(s.state)) + ": " + s.message;
  if (s.state == cache_state::pending && s.total_bytes)
    line +=
        " " + s.image + ", " + human_bytes(s.pulled_bytes) + " of " + human_bytes(s.total_bytes);
  if (is_ready(s)) line += ", at " + s.path;
  for (const auto& w : s.warnings) line += "\n  warning: " + w;
  return line;
}

}  // namespace

console::console(std::function<void()> settled) : settled_(std::move(settled)) {}

void console::wanted(const wanted_caches& now) {
  std::lock_guard lock(mutex_);
  listed_ = true;
  files_ok_ = now.problems.empty();
  wanted_.clear();
  for (const auto& [ref, spec] : now.caches) wanted_.insert(ref);
  std::erase_if(last_, [&](const auto& entry) { return !wanted_.contains(entry.first); });
  check();
}

void console::reported(const cache_status& status) {
  std::lock_guard lock(mutex_);
  auto [it, fresh] = last_.try_emplace(status.ref, status);
  if (fresh || is_news(it->second, status)) std::cout << line_for(status) << std::endl;
  it->second = status;
  check();
}

bool console::all_ready() const {
  std::lock_guard lock(mutex_);
  return files_ok_ && std::all_of(wanted_.begin(), wanted_.end(), [&](const cache_ref& ref) {
           auto it = last_.find(ref);
           return it != last_.end() && is_ready(it->second);
         });
}

void console::check() {
  if (!settled_ || !listed_) return;
  bool all = std::all_of(wanted_.begin(), wanted_.end(), [&](const cache_ref& ref) {
    auto it = last_.find(ref);
    return it != last_.end() && has_settled(it->second);
  });
  if (all && !std::exchange(told_, true)) settled_();
}

}  // namespace gkm::cli
