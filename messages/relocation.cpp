#include "messages/relocation.hpp"

#include "messages/printable.hpp"

#include <limits.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_set>
#include <utility>

namespace gkm {
namespace {

constexpr std::string_view first_line = "gkm-relocations 1";
/// Longer than any line that is right: two numbers and a path.
constexpr size_t max_line_bytes = PATH_MAX + 64;
constexpr size_t max_error_chars = 200;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_clean_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(), is_control) && valid_utf8(text) == text;
}

tl::unexpected<error> refuse(size_t line, std::string_view what, errc code = errc::malformed) {
  return fail(code, "Failed to read the relocation list: line " + std::to_string(line) + " " +
                        std::string(what));
}

/// Takes "<number> " off the front.
std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t value = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  auto n = static_cast<size_t>(end - text.data());
  if (failed != std::errc() || n == text.size() || text[n] != ' ') return std::nullopt;
  text.remove_prefix(n + 1);
  return value;
}

void append_escaped(std::string& out, std::string_view text) {
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
}

result<void> check_literal(std::string_view content, const path_literal& l, uint64_t free_from) {
  bool inside =
      l.begin >= free_from && l.end <= content.size() && l.end >= 2 && l.begin <= l.end - 2;
  if (!inside) return fail(errc::malformed, "a path has no place in the file");
  char quote = content[l.begin];
  if ((quote != '"' && quote != '\'') || content[l.end - 1] != quote)
    return fail(errc::malformed, "there is no quoted text at bytes " + std::to_string(l.begin) +
                                     " to " + std::to_string(l.end));
  if (!can_be_listed(l.suffix))
    return fail(errc::malformed,
                "'" + printable(l.suffix, max_error_chars) + "' is no relative, normalised path");
  return {};
}

result<void> check_mount_path(std::string_view path) {
  if (path.starts_with('/') && path.size() < PATH_MAX && is_clean_text(path)) return {};
  return fail(errc::invalid_argument, "mount path '" + printable(path, max_error_chars) +
                                          "' is no absolute path of printable UTF-8");
}

size_t escaped_bytes(std::string_view text) {
  auto escaped =
      std::count_if(text.begin(), text.end(), [](char c) { return c == '"' || c == '\\'; });
  return text.size() + static_cast<size_t>(escaped);
}

}  // namespace

bool can_be_listed(std::string_view name) {
  if (name.empty() || name.size() >= PATH_MAX || !is_clean_text(name)) return false;
  for (size_t at = 0; at <= name.size();) {
    auto part = name.substr(at, name.find('/', at) - at);
    if (part.empty() || part == "." || part == ".." || part.size() > NAME_MAX) return false;
    at += part.size() + 1;
  }
  return true;
}

relocation_writer::relocation_writer() : text_(std::string(first_line) + '\n') {}

bool relocation_writer::add(const relocated_file& file) {
  if (files_ >= max_relocated_files || file.literals.size() > max_file_literals ||
      file.bytes > max_relocated_file_bytes)
    return false;
  const auto before = text_.size();
  text_ += "F " + std::to_string(file.bytes) + " " + file.path + "\n";
  for (const auto& l : file.literals) {
    text_ += "P " + std::to_string(l.begin) + " " + std::to_string(l.end) + " " + l.suffix + "\n";
    if (taken_bytes_ + text_.size() > max_relocations_bytes) return text_.resize(before), false;
  }
  ++files_;
  return true;
}

std::string relocation_writer::take() {
  taken_bytes_ += text_.size();
  return std::exchange(text_, {});
}

std::string print_relocations(const relocation_list& list) {
  relocation_writer out;
  for (const auto& file : list) out.add(file);
  return out.text();
}

struct relocation_reader::impl {
  explicit impl(receiver each_file) : each(std::move(each_file)) {}

  result<void> read_line(std::string_view line) {
    ++line_number;
    if (line_number == 1) {
      if (line == first_line) return {};
      return refuse(1, "is '" + printable(line, max_error_chars) + "' instead of '" +
                           std::string(first_line) + "'");
    }
    auto kind = line.substr(0, 2);
    line.remove_prefix(kind.size());
    if (kind == "F ") return read_file(line);
    if (kind == "P ") return read_literal(line);
    return refuse(line_number, "is neither a file nor a path");
  }

  result<void> read_file(std::string_view line) {
    if (auto done = hand_over(); !done) return done;
    if (++files > max_relocated_files)
      return refuse(line_number,
                    "is beyond the limit of " + std::to_string(max_relocated_files) + " files",
                    errc::limit_exceeded);
    auto bytes = take_number(line);
    if (!bytes || *bytes > max_relocated_file_bytes)
      return refuse(line_number,
                    "has no size from 0 to " + std::to_string(max_relocated_file_bytes));
    if (!can_be_listed(line)) return refuse(line_number, no_name(line));
    if (!names.insert(std::hash<std::string_view>()(line)).second)
      return refuse(line_number, "names '" + printable(line, max_error_chars) + "' once more");
    file = relocated_file{std::string(line), *bytes, {}};
    return {};
  }

  result<void> read_literal(std::string_view line) {
    if (!file) return refuse(line_number, "belongs to no file");
    auto& literals = file->literals;
    if (literals.size() >= max_file_literals)
      return refuse(
          line_number,
          "is beyond the limit of " + std::to_string(max_file_literals) + " paths in a file",
          errc::limit_exceeded);
    auto begin = take_number(line);
    auto end = begin ? take_number(line) : std::nullopt;
    auto free_from = literals.empty() ? 0 : literals.back().end;
    // Both quotes are inside, so it is at least two bytes long.
    if (!end || *begin < free_from || *end > file->bytes || *end < 2 || *begin > *end - 2)
      return refuse(line_number, "has no place in its file");
    if (!can_be_listed(line)) return refuse(line_number, no_name(line));
    literals.push_back({*begin, *end, std::string(line)});
    return {};
  }

  result<void> hand_over() {
    if (!file) return {};
    if (file->literals.empty()) return refuse(line_number, "ends a file without a path");
    auto done = each(std::move(*file));
    file.reset();
    return done;
  }

  static std::string no_name(std::string_view line) {
    return "names '" + printable(line, max_error_chars) +
           "', which is no relative, normalised path";
  }

  receiver each;
  std::optional<relocated_file> file;
  std::string rest;  ///< of a line whose end is still to come
  /// Hashes: of two names with the same one the second is refused, and stays as it is.
  std::unordered_set<size_t> names;
  size_t line_number = 0;
  size_t files = 0;
  size_t bytes = 0;
};

relocation_reader::relocation_reader(receiver each)
    : impl_(std::make_unique<impl>(std::move(each))) {}

relocation_reader::~relocation_reader() = default;

result<void> relocation_reader::take(std::string_view piece) {
  auto& s = *impl_;
  s.bytes += piece.size();
  if (s.bytes > max_relocations_bytes)
    return fail(errc::limit_exceeded, "Failed to read the relocation list: more than " +
                                          std::to_string(max_relocations_bytes) + " bytes");
  for (;;) {
    auto end = piece.find('\n');
    if (s.rest.size() + std::min(end, piece.size()) > max_line_bytes)
      return refuse(s.line_number + 1, "is too long");
    if (end == piece.npos) break;
    auto line = piece.substr(0, end);
    if (!s.rest.empty()) line = s.rest.append(line);
    if (auto done = s.read_line(line); !done) return done;
    s.rest.clear();
    piece.remove_prefix(end + 1);
  }
  s.rest.append(piece);
  return {};
}

result<void> relocation_reader::end() {
  auto& s = *impl_;
  if (!s.rest.empty()) return refuse(s.line_number + 1, "is cut short");
  if (s.line_number == 0) return refuse(1, "is missing");
  return s.hand_over();
}

result<void> parse_relocations(std::string_view text, const relocation_reader::receiver& each) {
  relocation_reader reader(each);
  if (auto taken = reader.take(text); !taken) return taken;
  return reader.end();
}

result<relocated_content> relocated_content::make(std::string_view content,
                                                  const relocated_file& file,
                                                  std::string_view mount_path) {
  auto step = "Failed to relocate '" + printable(file.path, max_error_chars) + "'";
  if (auto checked = check_mount_path(mount_path); !checked) return wrap(checked.error(), step);
  while (mount_path.ends_with('/')) mount_path.remove_suffix(1);
  if (content.size() != file.bytes)
    return fail(errc::conflict, step + ": it has " + std::to_string(content.size()) +
                                    " bytes instead of " + std::to_string(file.bytes));
  std::string prefix = "\"";
  append_escaped(prefix, mount_path);
  prefix += '/';
  relocated_content made(content, file, std::move(prefix));
  made.bytes_ = content.size();
  uint64_t free_from = 0;
  for (const auto& literal : file.literals) {
    if (auto checked = check_literal(content, literal, free_from); !checked)
      return wrap(checked.error(), step);
    made.bytes_ += made.prefix_.size() + escaped_bytes(literal.suffix) + 1;
    made.bytes_ -= literal.end - literal.begin;
    free_from = literal.end;
    if (made.bytes_ > max_rewritten_bytes)
      return fail(errc::limit_exceeded, step + ": it would have more than " +
                                            std::to_string(max_rewritten_bytes) + " bytes");
  }
  return made;
}

result<void> relocated_content::print(
    const std::function<result<void>(std::string_view)>& write) const {
  constexpr size_t piece_bytes = 64 << 10;
  std::string piece;
  auto add = [&](std::string_view text) -> result<void> {
    piece += text;
    if (piece.size() < piece_bytes) return {};
    auto written = write(piece);
    piece.clear();
    return written;
  };
  uint64_t copied = 0;
  std::string suffix;
  for (const auto& literal : file_->literals) {
    suffix.clear();
    append_escaped(suffix, literal.suffix);
    suffix += '"';
    for (auto part : {content_.substr(copied, literal.begin - copied), std::string_view(prefix_),
                      std::string_view(suffix)})
      if (auto added = add(part); !added) return added;
    copied = literal.end;
  }
  if (auto added = add(content_.substr(copied)); !added) return added;
  return write(piece);
}

result<std::string> relocate(std::string_view content, const relocated_file& file,
                             std::string_view mount_path) {
  auto relocated = relocated_content::make(content, file, mount_path);
  if (!relocated) return fail(relocated.error());
  std::string all;
  auto printed = relocated->print([&](std::string_view piece) -> result<void> {
    all += piece;
    return {};
  });
  if (!printed) return fail(printed.error());
  return all;
}

}  // namespace gkm
