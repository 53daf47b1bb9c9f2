#include "relocation/content_tree.hpp"

#include "messages/printable.hpp"
#include "messages/relocation.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace gkm::relocation {
namespace {

constexpr size_t max_parts = 256;
constexpr size_t max_absent = 1'024;

base::fd open_beneath(const base::fd& root, const std::string& path, uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return base::fd(
      static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
}

/// Without empty parts and "."; ".." takes away what stands before it, or is dropped at the front.
std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    auto part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    if (part.empty() || part == ".") continue;
    if (parts.size() >= max_parts) return {};
    if (part != "..")
      parts.push_back(part);
    else if (!parts.empty())
      parts.pop_back();
  }
  return parts;
}

std::string join(const std::vector<std::string_view>& parts, size_t from) {
  std::string out(parts[from]);
  for (size_t i = from + 1; i < parts.size(); ++i) out.append("/").append(parts[i]);
  return out;
}

}  // namespace

result<content_tree> content_tree::open(const std::filesystem::path& dir) {
  base::fd root(::open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return fail(base::errno_error(errno, "open", dir));
  return content_tree(std::move(root));
}

bool content_tree::has(const std::string& path) {
  ++lookups_;
  auto found = open_beneath(root_, path, O_PATH);
  struct stat about {};
  return found && ::fstat(found.get(), &about) == 0 &&
         (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode));
}

std::string content_tree::longest_suffix(std::string_view path) {
  const auto parts = parts_of(path);
  for (size_t i = 0; i < parts.size(); ++i) {
    // The directories above the old cache are the same in nearly every path.
    if (absent_.contains(parts[i])) continue;
    auto suffix = join(parts, i);
    if (!can_be_listed(suffix)) continue;
    if (has(suffix)) return suffix;
    if (absent_.size() < max_absent && !has(std::string(parts[i]))) absent_.emplace(parts[i]);
  }
  return {};
}

result<std::string> content_tree::read(const std::string& path, size_t max_bytes) const {
  // O_NONBLOCK: a FIFO must not hold us up.
  auto file = open_beneath(root_, path, O_RDONLY | O_NONBLOCK);
  if (!file) return fail(base::errno_error(errno, "open", path));
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return fail(base::errno_error(errno, "read", path));
  if (!S_ISREG(about.st_mode))
    return fail(errc::malformed, "'" + printable(path) + "' is no regular file");
  // One byte more than allowed tells that there is more.
  std::string text(std::min(static_cast<size_t>(about.st_size), max_bytes) + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    auto n = ::read(file.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(base::errno_error(errno, "read", path));
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  if (size > max_bytes)
    return fail(errc::limit_exceeded,
                "'" + printable(path) + "' has more than " + std::to_string(max_bytes) + " bytes");
  text.resize(size);
  return text;
}

}  // namespace gkm::relocation
