#include "base/files.hpp"
#include "gpus/kernels/targets.hpp"
#include "gpus/quote.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace gkm::gpus {
namespace {

constexpr size_t block_bytes = 256 << 10;
constexpr size_t max_depth = 64;         // directories
constexpr size_t max_entries = 1000000;  // files and directories

// False: errno says why.
bool feed(target_scanner& scanner, int file) {
  std::vector<std::byte> block(block_bytes);
  while (scanner.wants_data()) {
    const ssize_t n = ::read(file, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) break;
    scanner.data({block.data(), static_cast<size_t>(n)});
  }
  return true;
}

struct names {
  std::vector<std::string> files;
  std::vector<std::string> directories;
};

class walker {
public:
  result<target_report> walk(const std::filesystem::path& dir) {
    base::fd root(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    root_ = dir.string();
    if (!root) return failed("");
    if (auto done = walk(root.get(), "", 0); !done) return fail(done.error());
    return scanner_.report();
  }

private:
  tl::unexpected<error> failed(const std::string& path) const {
    const auto code = errno == ENOENT ? errc::not_found : errc::io;
    return fail(code, step(path) + ": " + std::strerror(errno));
  }

  std::string step(const std::string& path) const {
    return "Failed to read " + in_quotes(path.empty() ? root_ : root_ + "/" + path);
  }

  // Files before directories: the scanner wants those of one directory together.
  result<void> walk(int dir, const std::string& prefix, size_t depth) {
    if (depth > max_depth)
      return fail(errc::limit_exceeded,
                  step(prefix) + ": more than " + std::to_string(max_depth) + " directories deep");
    auto here = list(dir, prefix);
    if (!here) return fail(here.error());
    for (const auto& name : here->files)
      if (auto done = scan_file(dir, name, prefix + name); !done) return done;
    for (const auto& name : here->directories) {
      base::fd next(::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next) return failed(prefix + name);
      if (auto done = walk(next.get(), prefix + name + "/", depth + 1); !done) return done;
    }
    return {};
  }

  // Sorted, so that the same cache gives the same report.
  result<names> list(int dir, const std::string& prefix) {
    // fdopendir keeps the descriptor it is given, so it gets one of its own.
    base::fd own(::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR* stream = own ? ::fdopendir(own.get()) : nullptr;
    if (!stream) return failed(prefix);
    own.release();
    std::unique_ptr<DIR, int (*)(DIR*)> closer(stream, ::closedir);
    names out;
    for (errno = 0; auto* entry = ::readdir(stream); errno = 0) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (++entries_ > max_entries)
        return fail(errc::limit_exceeded,
                    step(prefix) + ": more than " + std::to_string(max_entries) + " entries");
      struct stat info {};
      if (::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
        return failed(prefix + name);
      if (S_ISREG(info.st_mode)) out.files.push_back(name);
      if (S_ISDIR(info.st_mode)) out.directories.push_back(name);
    }
    if (errno != 0) return failed(prefix);
    std::sort(out.files.begin(), out.files.end());
    std::sort(out.directories.begin(), out.directories.end());
    return out;
  }

  result<void> scan_file(int dir, const std::string& name, const std::string& path) {
    scanner_.begin(path, 0);
    if (!scanner_.wants_data()) return scanner_.end(), result<void>{};
    // O_NONBLOCK: a FIFO that has taken the file's place must not hang us.
    base::fd file(::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!file || !feed(scanner_, file.get())) return failed(path);
    scanner_.end();
    return {};
  }

  target_scanner scanner_;
  std::string root_;
  size_t entries_ = 0;
};

}  // namespace

result<target_report> scan_file(const std::filesystem::path& path) {
  target_scanner scanner;
  scanner.begin(path.filename().string(), 0);
  base::fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file || !feed(scanner, file.get()))
    return fail(errno == ENOENT ? errc::not_found : errc::io,
                "Failed to read " + in_quotes(path.string()) + ": " + std::strerror(errno));
  scanner.end();
  return scanner.report();
}

result<target_report> scan_directory(const std::filesystem::path& dir) {
  return walker().walk(dir);
}

}  // namespace gkm::gpus
