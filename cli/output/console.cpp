#include "cli/output/console.hpp"

#include "cli/exit_code.hpp"
#include "cli/output/table.hpp"

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
  for (const auto& w : s.warnings) line += "\n  warning: " + w;
  return line;
}

}  // namespace

console::console(std::function<void()> settled, std::string dir)
    : settled_(std::move(settled)), dir_(std::move(dir)) {}

/// Once each, as they come.
void console::tell_files(const declared_caches& now) {
  auto tell = [](const std::vector<file_problem>& all, std::vector<file_problem>& told,
                 const char* label) {
    for (const auto& p : all)
      if (std::find(told.begin(), told.end(), p) == told.end())
        std::cerr << "gkm: " << label << p.str() << std::endl;
    told = all;
  };
  tell(now.problems, told_problems_, "");
  tell(now.notes, told_notes_, "note: ");
  if (listed_ || dir_.empty()) return;
  auto n = now.caches.size();
  std::string there = std::to_string(n) + (n == 1 ? " cache" : " caches");
  if (n == 0 && now.problems.empty())
    there = "no cache in it (*.yaml, *.yml, *.json)" + std::string(settled_ ? "" : " yet");
  std::cout << (settled_ ? "" : "Watching ") << "'" << dir_ << "': " << there
            << (settled_ ? "" : "; Ctrl-C ends") << std::endl;
}

void console::wanted(const declared_caches& now) {
  std::lock_guard lock(mutex_);
  tell_files(now);
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

int console::exit_code() const {
  std::lock_guard lock(mutex_);
  std::set<int> failures;
  if (!files_ok_) failures.insert(usage);
  for (const auto& ref : wanted_) {
    auto it = last_.find(ref);
    if (it == last_.end() || !is_ready(it->second))
      failures.insert(it == last_.end() || it->second.code == errc::none
                          ? failure
                          : exit_code_for(it->second.code));
  }
  if (failures.empty()) return success;
  return failures.size() == 1 ? *failures.begin() : failure;
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
