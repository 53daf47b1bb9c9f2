#include "oci/extract/tree_writer.hpp"

#include "oci/extract/entry_name.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace gkm::oci {
namespace {

// Whoever mounts the cache decides who sees it; in its own view any uid may write anywhere.
constexpr mode_t directory_mode = 0777;
constexpr mode_t file_mode = 0666;
constexpr mode_t executable_mode = 0777;

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int file_flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

}  // namespace

tree_writer::tree_writer(std::filesystem::path dir, base::fd root, bool open_to_all,
                         disk_meter* meter)
    : dir_(std::move(dir)), root_(std::move(root)), open_to_all_(open_to_all), meter_(meter) {}

result<tree_writer> tree_writer::open(const std::filesystem::path& dir, bool open_to_all,
                                      disk_meter* meter) {
  base::fd root(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root)
    return fail(errc::io, "Failed to open directory '" + dir.string() +
                              "': " + std::generic_category().message(errno));
  return tree_writer(dir, std::move(root), open_to_all, meter);
}

result<void> tree_writer::take(uint64_t bytes, uint64_t inodes) {
  return meter_ ? meter_->take(bytes, inodes) : result<void>();
}

/// A new name, an inode, and content of so many bytes.
result<void> tree_writer::take_entry(uint64_t content_bytes) {
  return take(entry_name_bytes + content_bytes, 1);
}

result<void> tree_writer::make_directory(std::string_view path) {
  if (auto r = take_entry(disk_block_bytes); !r) return r;
  auto at = locate(path);
  if (!at) return fail(at.error());
  if (::mkdirat(at->parent, at->name.c_str(), directory_mode) != 0)
    return failed("create directory", path, errno);
  base::fd fd(::openat(at->parent, at->name.c_str(), directory_flags));
  // The mode is set again because the umask, which is the process's, has taken bits away.
  if (!fd || (open_to_all_ && ::fchmod(fd.get(), directory_mode) != 0))
    return failed("open directory", path, errno);
  chain_.push_back({std::move(at->name), std::move(fd)});
  return {};
}

result<void> tree_writer::begin_file(std::string_view path, bool executable, bool replace) {
  if (auto r = take_entry(0); !r) return r;
  file_bytes_ = 0;
  auto at = locate(path);
  if (!at) return fail(at.error());
  if (replace && ::unlinkat(at->parent, at->name.c_str(), 0) != 0)
    return failed("replace", path, errno);
  auto mode = executable ? executable_mode : file_mode;
  file_ = base::fd(::openat(at->parent, at->name.c_str(), file_flags, mode));
  if (!file_ || (open_to_all_ && ::fchmod(file_.get(), mode) != 0))
    return failed("create", path, errno);
  file_path_ = path;
  return {};
}

result<void> tree_writer::write(std::span<const std::byte> bytes) {
  auto blocks = [](uint64_t n) { return (n + disk_block_bytes - 1) / disk_block_bytes; };
  auto more = blocks(file_bytes_ + bytes.size()) - blocks(file_bytes_);
  if (auto r = take(more * disk_block_bytes, 0); !r) return r;
  file_bytes_ += bytes.size();
  while (!bytes.empty()) {
    auto n = ::write(file_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed("write", file_path_, n < 0 ? errno : ENOSPC);
    written_bytes_ += static_cast<uint64_t>(n);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

result<void> tree_writer::end_file() {
  // Network file systems say only now that there was no room.
  if (::close(file_.release()) != 0 && errno != EINTR) return failed("write", file_path_, errno);
  return {};
}

result<void> tree_writer::make_symlink(std::string_view path, std::string_view target) {
  if (auto r = take_entry(disk_block_bytes); !r) return r;
  auto at = locate(path);
  if (!at) return fail(at.error());
  if (::symlinkat(std::string(target).c_str(), at->parent, at->name.c_str()) != 0)
    return failed("create symbolic link", path, errno);
  return {};
}

result<void> tree_writer::make_hard_link(std::string_view path, std::string_view existing) {
  if (auto r = take(entry_name_bytes, 0); !r) return r;
  auto from = locate(existing);
  if (!from) return fail(from.error());
  base::fd origin(::fcntl(from->parent, F_DUPFD_CLOEXEC, 0));  // the next call may close it
  if (!origin) return failed("create hard link", path, errno);
  auto to = locate(path);
  if (!to) return fail(to.error());
  if (::linkat(origin.get(), from->name.c_str(), to->parent, to->name.c_str(), 0) != 0)
    return failed("create hard link", path, errno);
  return {};
}

result<tree_writer::place> tree_writer::locate(std::string_view path) {
  auto rest = path;
  size_t depth = 0;
  int parent = root_.get();
  for (auto slash = rest.find('/'); slash != rest.npos; slash = rest.find('/')) {
    auto name = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
    if (depth == chain_.size() || chain_[depth].name != name) {
      chain_.resize(depth);
      base::fd fd(::openat(parent, std::string(name).c_str(), directory_flags));
      if (!fd) return failed("open the directory of", path, errno);
      chain_.push_back({std::string(name), std::move(fd)});
    }
    parent = chain_[depth++].fd.get();
  }
  chain_.resize(depth);
  return place{parent, std::string(rest)};
}

tl::unexpected<error> tree_writer::failed(std::string_view step, std::string_view path,
                                          int code) const {
  auto text = "Failed to " + std::string(step) + " " + in_quotes(path) + " in '" + dir_.string() +
              "': " + std::generic_category().message(code);
  if (code == ENOSPC || code == EDQUOT)
    return fail(errc::no_space, text + " after " + std::to_string(written_bytes_) +
                                    " bytes: free some, or choose another directory");
  return fail(errc::io, std::move(text));
}

}  // namespace gkm::oci
