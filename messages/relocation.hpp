/// Absolute paths that a cache's index files hold, so that a view can carry them rewritten for
/// where it is mounted. The agent finds them at extraction, where it understands the files'
/// formats; gkm-csi only replaces byte ranges, and trusts no more than that they lie inside the
/// file.
#pragma once

#include "messages/errors.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gkm {

/// A quoted string literal in an index file, quotes included, that names a path of the machine
/// where the cache was made.
struct path_literal {
  uint64_t begin = 0;  ///< byte offset of the opening quote
  uint64_t end = 0;    ///< one past the closing quote
  std::string suffix;  ///< what of the old path exists in the cache: relative, normalised, UTF-8

  bool operator==(const path_literal&) const = default;
};

/// One file and the literals in it, in ascending order, not overlapping, at least one.
struct relocated_file {
  std::string path;    ///< relative to the cache's content, normalised
  uint64_t bytes = 0;  ///< its size: a file of another size is not the one that was read
  std::vector<path_literal> literals;

  bool operator==(const relocated_file&) const = default;
};

using relocation_list = std::vector<relocated_file>;

/// Limits; a writer leaves out files beyond them and says so, a reader refuses more. A reader holds
/// one index file and its literals, and 16 bytes for each name in the list.
constexpr size_t max_relocations_bytes = 4 << 20;  ///< of the printed list
constexpr size_t max_relocated_files = 50'000;
constexpr size_t max_relocated_file_bytes = 4 << 20;  ///< of one index file
constexpr size_t max_file_literals = 20'000;
constexpr size_t max_rewritten_bytes = 64 << 20;  ///< of one index file, rewritten

/// Whether a name may stand in the list: a relative, normalised path of UTF-8 without control
/// characters, so that it is one line and stays inside the cache.
bool can_be_listed(std::string_view name);

/// The list's text: lines, "gkm-relocations 1" first, then for each file `F <bytes> <path>` and for
/// each of its literals `P <begin> <end> <suffix>`. Takes names that can be listed, and
/// leaves out files beyond the limits.
std::string print_relocations(const relocation_list& list);

/// Prints the same text file by file. What is taken in between need not be held any longer.
class relocation_writer {
public:
  relocation_writer();
  /// False if the list would exceed its limits: the file is left out.
  bool add(const relocated_file& file);
  uint64_t files() const { return files_; }
  /// What was printed since it was taken last.
  const std::string& text() const { return text_; }
  std::string take();

private:
  std::string text_;
  uint64_t taken_bytes_ = 0;
  uint64_t files_ = 0;
};

/// Reads the text as it comes and hands over one file after the other, so that a long list needs
/// little memory; an error of `each` ends it. Every value is checked: names stay inside the cache
/// and come once, literals inside their file and in order.
class relocation_reader {
public:
  using receiver = std::function<result<void>(relocated_file)>;
  explicit relocation_reader(receiver each);
  ~relocation_reader();

  /// Takes the next piece, wherever it is cut. After an error nothing more may be given.
  result<void> take(std::string_view piece);
  /// The text is over: whether it was whole.
  result<void> end();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// The same for a text that is there as a whole.
result<void> parse_relocations(std::string_view text, const relocation_reader::receiver& each);

/// One index file as it will be for a cache that is seen at a mount path: each literal becomes
/// "<mount_path>/<suffix>" in double quotes, with '\\' and '"' escaped, which JSON and Python read
/// alike. Refers to what it is made from.
class relocated_content {
public:
  /// Fails if the content has another size (errc::conflict), a literal does not begin and end with
  /// the same quote, the result would be unreasonably large, or the mount path is not absolute, not
  /// UTF-8 or holds control characters (errc::invalid_argument).
  static result<relocated_content> make(std::string_view content, const relocated_file& file,
                                        std::string_view mount_path);

  uint64_t bytes() const { return bytes_; }
  /// Hands it over piece by piece; an error of `write` ends that.
  result<void> print(const std::function<result<void>(std::string_view)>& write) const;

private:
  relocated_content(std::string_view content, const relocated_file& file, std::string prefix)
      : content_(content), file_(&file), prefix_(std::move(prefix)) {}

  std::string_view content_;
  const relocated_file* file_;
  std::string prefix_;  ///< the opening quote and the mount path, escaped
  uint64_t bytes_ = 0;
};

/// The same as one string.
result<std::string> relocate(std::string_view content, const relocated_file& file,
                             std::string_view mount_path);

}  // namespace gkm
