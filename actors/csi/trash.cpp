#include "actors/csi/trash.hpp"

#include "actors/csi/beneath.hpp"
#include "base/log.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
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

result<void> delete_tree(int dir, const std::string& name) {
  std::vector<std::string> rest{name};
  while (!rest.empty()) {
    auto next = std::move(rest.back());
    rest.pop_back();
    if (::unlinkat(dir, next.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (empty_out(dir, next, rest) && ::unlinkat(dir, next.c_str(), AT_REMOVEDIR) == 0) continue;
    return fail(base::errno_error(errno, "delete", real_path(dir) + '/' + next));
  }
  return {};
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
  deletions_.post([=, this] {
    auto deleted = delete_tree(dir_, name);
    if (!deleted)
      base::log::warn("Cannot delete all that was discarded; the next start tries again",
                      {{"error", deleted.error().message}});
    else if (gone)
      gone();
  });
}

}  // namespace gkm::csi
