#include "actors/csi/files/layer_writer.hpp"

#include "actors/csi/files/beneath.hpp"
#include "base/program/log.hpp"
#include "messages/paths.hpp"
#include "messages/printable.hpp"
#include "messages/relocation.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

namespace gkm::csi {
namespace {

constexpr unsigned directory_mode = 0777;
constexpr unsigned file_mode = 0666;
constexpr size_t logged_max = 10;
constexpr size_t piece_bytes = 64 << 10;  ///< of the list

class layer_files {
public:
  layer_files(base::fd content, base::fd layer, const std::string& mount_path, uint64_t budget,
              const long_work& work)
      : content_(std::move(content)),
        layer_(std::move(layer)),
        mount_path_(mount_path),
        work_(work),
        reads_left_(budget),
        writes_left_(budget) {}

  /// After a limit the rest of the list is only counted: it may be long, and each file large.
  result<void> add(const relocated_file& file) {
    if (auto allowed = work_.may_write(0); !allowed) return end(allowed.error());
    if (is_full_) return ++left_out_, result<void>();
    auto added = rewrite(file);
    if (added || ended_) return added;
    if (added.error().code == errc::no_space) return end(added.error());
    is_full_ = added.error().code == errc::limit_exceeded;
    leave_out(file.path, added.error().message);
    return {};
  }

  void leave_out(const std::string& what, const std::string& why) {
    if (++left_out_ <= logged_max)
      base::log::warn("A file that holds paths cannot be rewritten; it stays as it is",
                      {{"file", printable(what, max_path_shown)}, {"error", why}});
  }

  uint64_t left_out() const { return left_out_; }
  /// An error that no file can be left out for: the layer is not made.
  const std::optional<error>& ended() const { return ended_; }

private:
  static constexpr size_t max_path_shown = 300;

  result<void> rewrite(const relocated_file& file) {
    if (file.bytes > reads_left_)
      return fail(errc::limit_exceeded, "too much would be read to rewrite all files");
    auto in = open_beneath(content_.get(), file.path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!in) return fail(base::errno_error(errno, "open", file.path));
    auto content = read(in, file);
    if (!content) return fail(content.error());
    auto moved = relocated_content::make(*content, file, mount_path_);
    if (!moved) return fail(moved.error());
    if (moved->bytes() > writes_left_)
      return fail(errc::limit_exceeded, "the rewritten files take too much space");
    writes_left_ -= moved->bytes();
    if (auto allowed = work_.may_write(moved->bytes()); !allowed) return end(allowed.error());
    return write(file.path, *moved);
  }

  tl::unexpected<error> end(const error& why) {
    ended_ = why;
    return fail(why);
  }

  result<std::string> read(const base::fd& in, const relocated_file& file) {
    reads_left_ -= file.bytes;
    auto content = base::read_open_file(in, file.path, file.bytes);
    // Larger than the one that was listed: another file, and no limit of the layer.
    if (!content && content.error().code == errc::limit_exceeded)
      return fail(errc::conflict, content.error().message);
    return content;
  }

  /// Opens the directory for `path` in the layer, made if absent. Neighbours follow each other.
  result<void> enter(const std::string& folder) {
    if (here_ && folder == here_path_) return {};
    auto dir = open_beneath(layer_.get(), ".", O_RDONLY | O_DIRECTORY);
    for (size_t from = 0; dir && from < folder.size();) {
      auto to = std::min(folder.find('/', from), folder.size());
      dir = make_directory(dir.get(), folder.substr(from, to - from), directory_mode);
      from = to + 1;
    }
    if (!dir) return fail(base::errno_error(errno, "make directory", folder));
    here_ = std::move(dir);
    here_path_ = folder;
    return {};
  }

  result<void> write(const std::string& path, const relocated_content& content) {
    auto slash = path.rfind('/');
    auto entered = enter(slash == std::string::npos ? "" : path.substr(0, slash));
    if (!entered) return entered;
    auto name = slash == std::string::npos ? path : path.substr(slash + 1);
    base::fd out(::openat(here_.get(), name.c_str(),
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!out) return fail(base::errno_error(errno, "make", path));
    auto written =
        content.print([&](std::string_view piece) { return write_all(out, path, piece); });
    if (written && ::fchmod(out.get(), file_mode) != 0)
      written = fail(base::errno_error(errno, "set the mode of", path));
    if (!written) ::unlinkat(here_.get(), name.c_str(), 0);
    return written;
  }

  static result<void> write_all(const base::fd& out, const std::string& path,
                                std::string_view piece) {
    while (!piece.empty()) {
      auto n = ::write(out.get(), piece.data(), piece.size());
      if (n < 0) return fail(base::errno_error(errno, "write", path));
      piece.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }

  base::fd content_;
  base::fd layer_;
  const std::string& mount_path_;
  const long_work& work_;
  uint64_t reads_left_;
  uint64_t writes_left_;
  bool is_full_ = false;
  uint64_t left_out_ = 0;
  std::optional<error> ended_;
  base::fd here_;
  std::string here_path_;
};

/// However long it has grown since it was written, no more is read than a list may have.
result<void> read_list(const base::fd& list, layer_files& files) {
  relocation_reader reader([&](const relocated_file& f) { return files.add(f); });
  std::array<char, piece_bytes> piece{};
  for (;;) {
    auto n = ::read(list.get(), piece.data(), piece.size());
    if (n < 0) return fail(base::errno_error(errno, "read", paths::relocations));
    if (n == 0) return reader.end();
    if (auto taken = reader.take({piece.data(), static_cast<size_t>(n)}); !taken) return taken;
  }
}

}  // namespace

result<uint64_t> write_layer(int stored, const std::string& mount_path, int into,
                             const std::string& name, uint64_t max_bytes, const long_work& work) {
  auto content = open_beneath(stored, paths::content, O_PATH | O_DIRECTORY);
  if (!content) return fail(base::errno_error(errno, "open the cache's", paths::content));
  auto layer = make_directory(into, name, directory_mode);
  if (!layer) return fail(base::errno_error(errno, "make", name));
  layer_files files(std::move(content), std::move(layer), mount_path, max_bytes, work);
  auto list = open_beneath(stored, paths::relocations, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!list && is_out_of_place(errno))
    return fail(errc::malformed, std::string("Cannot trust the cache's '") + paths::relocations +
                                     "': it is not the file that was written there; remove the "
                                     "cache from this node, so that it is fetched again");
  if (!list) return fail(base::errno_error(errno, "open the cache's", paths::relocations));
  auto read = read_list(list, files);
  if (files.ended()) return fail(*files.ended());
  if (!read) files.leave_out(paths::relocations, read.error().message);
  return files.left_out();
}

}  // namespace gkm::csi
