#include "base/tree_seal.hpp"

#include "base/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <isa-l/crc64.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <vector>

namespace gkm::base {
namespace {

constexpr size_t max_depth = 256;
constexpr size_t block_bytes = 256 << 10;
constexpr size_t sum_digits = 32;
constexpr std::string_view first_line = "gkm tree seal 1";

using clock = std::chrono::steady_clock;

error failed(std::string_view step, const std::string& path) {
  return errno_error(errno, step, path);
}

uint64_t add_to_crc(uint64_t crc, std::span<const std::byte> bytes) {
  return ::crc64_ecma_refl(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

void add_content(text_sum& sum, const std::string& path, uint64_t crc) {
  sum.add(path + '\0' + std::to_string(crc));
}

/// Reads files, no faster than it may.
class paced_reader {
public:
  explicit paced_reader(read_pace pace) : pace_(std::move(pace)), begun_(clock::now()) {}

  result<uint64_t> crc_of(int parent, const std::string& name, const std::string& path) {
    fd file(::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return fail(failed("open", path));
    // What is read once is not worth others' place in memory.
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_NOREUSE);
    uint64_t crc = 0;
    buffer_.resize(block_bytes);
    for (;;) {
      if (pace_.stop.stop_requested()) return fail(errc::cancelled, "The check was stopped");
      auto n = ::read(file.get(), buffer_.data(), buffer_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(failed("read", path));
      if (n == 0) break;
      crc = add_to_crc(crc, std::span(buffer_).first(static_cast<size_t>(n)));
      slow_down(static_cast<uint64_t>(n));
    }
    if (pace_.bytes_per_second) ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    return crc;
  }

private:
  void slow_down(uint64_t bytes) {
    read_ += bytes;
    if (pace_.bytes_per_second == 0) return;
    auto seconds = static_cast<double>(read_) / static_cast<double>(pace_.bytes_per_second);
    auto due = begun_ +
               std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds));
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_until(lock, pace_.stop, due, [] { return false; });
  }

  const read_pace pace_;
  const clock::time_point begun_;
  uint64_t read_ = 0;
  std::vector<std::byte> buffer_;
};

class walker {
public:
  explicit walker(paced_reader* reader) : reader_(reader) {}

  result<void> tree(int dir, const std::string& name) {
    fd top(::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!top) return fail(failed("open", name));
    return walk(std::move(top), {}, 0);
  }

  result<void> file_beside(int dir, const std::string& name) {
    struct stat about {};
    if (::fstatat(dir, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
      return errno == ENOENT ? result<void>() : fail(failed("examine", name));
    return entry(dir, name, "../" + name, about);
  }

  tree_seal seal() const {
    return {entries_, bytes_, names_.hex(), reader_ ? content_.hex() : std::string()};
  }
  const text_sum& paths() const { return paths_; }
  const text_sum& content() const { return content_; }

private:
  result<void> walk(fd dir, const std::string& below, size_t depth) {
    if (depth > max_depth) return fail(errc::malformed, "'" + below + "' lies too deep");
    auto* stream = ::fdopendir(dir.get());
    if (!stream) return fail(failed("read", below));
    int at = dir.release();
    struct closer {
      DIR* stream;
      ~closer() { ::closedir(stream); }
    } const closed{stream};
    for (errno = 0; const auto* e = ::readdir(stream); errno = 0) {
      std::string name = e->d_name;
      if (name == "." || name == "..") continue;
      auto path = below.empty() ? name : below + '/' + name;
      struct stat about {};
      if (::fstatat(at, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(failed("examine", path));
      if (auto r = entry(at, name, path, about); !r) return r;
      if (!S_ISDIR(about.st_mode)) continue;
      fd next(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next) return fail(failed("open", path));
      if (auto r = walk(std::move(next), path, depth + 1); !r) return r;
    }
    return errno == 0 ? result<void>() : fail(failed("read", below));
  }

  result<void> entry(int parent, const std::string& name, const std::string& path,
                     const struct stat& about) {
    ++entries_;
    bool regular = S_ISREG(about.st_mode);
    auto line = path + '\0' + std::to_string(about.st_mode);
    if (regular) line += ' ' + std::to_string(about.st_size);
    if (S_ISLNK(about.st_mode)) {
      std::string target(static_cast<size_t>(about.st_size) + 1, '\0');
      auto n = ::readlinkat(parent, name.c_str(), target.data(), target.size());
      if (n < 0) return fail(failed("read the link", path));
      line += ' ' + target.substr(0, static_cast<size_t>(n));
    }
    names_.add(line);
    if (!regular) return {};
    bytes_ += static_cast<uint64_t>(about.st_size);
    paths_.add(path);
    if (!reader_) return {};
    auto crc = reader_->crc_of(parent, name, path);
    if (!crc) return fail(crc.error());
    add_content(content_, path, *crc);
    return {};
  }

  paced_reader* reader_;
  uint64_t entries_ = 0;
  uint64_t bytes_ = 0;
  text_sum names_;
  text_sum paths_;  ///< of regular files
  text_sum content_;
};

std::string_view take_line(std::string_view& text) {
  auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return line;
}

bool read_number(std::string_view text, uint64_t& into) {
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), into);
  return bad == std::errc{} && end == text.data() + text.size();
}

bool read_hex(std::string_view text, size_t digits, std::string& into) {
  into = text;
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

/// FNV-1a, begun differently for each half, and mixed so that sums do not cancel out.
uint64_t hash_of(std::string_view text, uint64_t begin) {
  constexpr uint64_t prime = 0x100000001b3;
  auto h = begin;
  for (unsigned char c : text) h = (h ^ c) * prime;
  h = (h ^ (h >> 30U)) * 0xbf58476d1ce4e5b9;
  h = (h ^ (h >> 27U)) * 0x94d049bb133111eb;
  return h ^ (h >> 31U);
}

}  // namespace

void text_sum::add(std::string_view one) {
  constexpr std::array<uint64_t, 2> begins{0xcbf29ce484222325, 0x9e3779b97f4a7c15};
  for (size_t i = 0; i < sum_.size(); ++i) sum_[i] += hash_of(one, begins[i]);
}

void text_sum::add(const text_sum& other) {
  for (size_t i = 0; i < sum_.size(); ++i) sum_[i] += other.sum_[i];
}

std::string text_sum::hex() const {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(sum_[0]), static_cast<unsigned long long>(sum_[1]));
  return text.data();
}

std::string print_tree_seal(const tree_seal& s) {
  auto text = std::string(first_line) + "\nentries " + std::to_string(s.entries) + "\nbytes " +
              std::to_string(s.bytes) + "\nnames " + s.names + "\n";
  if (!s.content.empty()) text += "content " + s.content + "\n";
  return text;
}

result<tree_seal> parse_tree_seal(std::string_view text) {
  if (take_line(text) != first_line) return fail(errc::malformed, "it is no seal that is known");
  tree_seal s;
  bool valid = true;
  while (!text.empty()) {
    auto line = take_line(text);
    auto blank = line.find(' ');
    auto name = line.substr(0, blank);
    auto value = blank == line.npos ? std::string_view() : line.substr(blank + 1);
    if (name == "entries") valid = valid && read_number(value, s.entries);
    if (name == "bytes") valid = valid && read_number(value, s.bytes);
    if (name == "names") valid = valid && read_hex(value, sum_digits, s.names);
    if (name == "content") valid = valid && read_hex(value, sum_digits, s.content);
  }
  if (!valid || s.names.empty()) return fail(errc::malformed, "the seal is incomplete");
  return s;
}

result<tree_seal> seal_names(int dir, const std::string& tree, const std::string& beside) {
  walker w(nullptr);
  if (auto r = w.tree(dir, tree); !r) return fail(r.error());
  if (auto r = w.file_beside(dir, beside); !r) return fail(r.error());
  return w.seal();
}

result<tree_seal> seal_content(int dir, const std::string& tree, const std::string& beside,
                               const read_pace& pace) {
  paced_reader reader(pace);
  walker w(&reader);
  if (auto r = w.tree(dir, tree); !r) return fail(r.error());
  if (auto r = w.file_beside(dir, beside); !r) return fail(r.error());
  return w.seal();
}

std::string difference(const tree_seal& was, const tree_seal& is) {
  auto count = [](uint64_t n, const char* what) { return std::to_string(n) + ' ' + what; };
  if (is.entries < was.entries)
    return count(was.entries - is.entries, "of ") +
           count(was.entries, "files and directories are missing");
  if (is.entries > was.entries)
    return count(is.entries - was.entries, "files or directories were added to ") +
           std::to_string(was.entries);
  if (is.bytes != was.bytes)
    return "its files have " + count(is.bytes, "bytes instead of ") + std::to_string(was.bytes);
  if (is.names != was.names) return "names, sizes, modes or links have changed";
  if (!was.content.empty() && !is.content.empty() && is.content != was.content)
    return "the content of files has changed";
  return {};
}

void seal_observer::begin(std::string_view path, uint64_t) {
  path_ = path;
  crc_ = 0;
}

void seal_observer::data(std::span<const std::byte> bytes) { crc_ = add_to_crc(crc_, bytes); }

void seal_observer::end() {
  paths_.add(path_);
  add_content(content_, path_, crc_);
}

result<tree_seal> seal_observer::finish(int dir, const std::string& tree, const std::string& beside,
                                        std::stop_token stop) {
  walker names(nullptr);
  if (auto r = names.tree(dir, tree); !r) return fail(r.error());
  bool saw_all = names.paths() == paths_;
  if (!saw_all) return seal_content(dir, tree, beside, {0, std::move(stop)});
  paced_reader reader({0, std::move(stop)});
  walker list(&reader);
  if (auto r = list.file_beside(dir, beside); !r) return fail(r.error());
  if (auto r = names.file_beside(dir, beside); !r) return fail(r.error());
  auto seal = names.seal();
  auto all = content_;
  all.add(list.content());
  seal.content = all.hex();
  return seal;
}

}  // namespace gkm::base
