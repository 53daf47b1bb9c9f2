#include "actors/csi/files/trash.hpp"

#include "actors/csi/files/beneath.hpp"
#include "base/program/log.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

namespace gkm::csi {
namespace {

struct close_dir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

std::string random_entry() { return '.' + base::random_name(); }

/// Empties a directory. What is in its way moves up beside it and is noted in `moved`: so no depth
/// of nesting that a pod may have thought of needs more than a few descriptors.
bool empty_out(int top, const std::string& name, std::vector<std::string>& moved) {
  int raw = ::openat(top, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (raw < 0) return false;
  std::unique_ptr<DIR, close_dir> dir(::fdopendir(raw));
  if (!dir) return false;
  for (;;) {
    errno = 0;
    const auto* entry = ::readdir(dir.get());
    if (!entry) return errno == 0;
    const std::string child = entry->d_name;
    if (child == "." || child == "..") continue;
    if (entry->d_type != DT_DIR && ::unlinkat(raw, child.c_str(), 0) == 0) continue;
    if (::unlinkat(raw, child.c_str(), AT_REMOVEDIR) == 0) continue;
    if (errno != ENOTEMPTY && errno != EEXIST) return false;
    auto up = random_entry();
    if (::renameat(raw, child.c_str(), top, up.c_str()) != 0) return false;
    moved.push_back(std::move(up));
  }
}

}  // namespace

result<void> delete_trees(int dir, std::vector<std::string>& names) {
  auto rest = std::exchange(names, {});
  result<void> outcome;
  while (!rest.empty()) {
    auto next = std::move(rest.back());
    rest.pop_back();
    if (::unlinkat(dir, next.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (empty_out(dir, next, rest) && ::unlinkat(dir, next.c_str(), AT_REMOVEDIR) == 0) continue;
    if (outcome) outcome = fail(base::errno_error(errno, "delete", real_path(dir) + '/' + next));
    names.push_back(std::move(next));
  }
  return outcome;
}

trash::~trash() {
  std::lock_guard lock(mutex_);
  is_ending_ = true;
  end_.notify_all();
}

result<void> trash::discard(const std::string& name, std::function<void()> gone) {
  auto hidden = random_entry();
  if (::renameat(dir_, name.c_str(), dir_, hidden.c_str()) != 0) {
    if (errno != ENOENT) return fail(base::errno_error(errno, "discard", name));
    if (gone) gone();
    return {};
  }
  resume(hidden, std::move(gone));
  return {};
}

void trash::resume(const std::string& name, std::function<void()> gone) {
  deletions_.post([this, t = tree{{name}, std::move(gone)}]() mutable {
    auto deleted = try_to_delete(t);
    try_again();
    if (deleted) return;
    base::log::warn("Cannot delete yet all that was discarded; it is tried again",
                    {{"error", deleted.error().message}});
    stuck_.push_back(std::move(t));
    pauses_ = 0;
    pause();
  });
}

result<void> trash::try_to_delete(tree& t) {
  auto deleted = delete_trees(dir_, t.names);
  if (deleted && t.gone) t.gone();
  return deleted;
}

void trash::try_again() {
  std::erase_if(stuck_, [this](tree& t) { return try_to_delete(t).has_value(); });
}

void trash::pause() {
  if (is_pausing_ || stuck_.empty() || pauses_ >= pauses_max) return;
  is_pausing_ = true;
  pauses_pool_.post([this, length = first_pause_ * (1 << pauses_++)] {
    std::unique_lock lock(mutex_);
    if (end_.wait_for(lock, length, [this] { return is_ending_; })) return;
    deletions_.post([this] {
      is_pausing_ = false;
      try_again();
      pause();
    });
  });
}

}  // namespace gkm::csi
