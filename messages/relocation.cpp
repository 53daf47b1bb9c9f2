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
constexpr size_t max_rewritten_bytes = 64 << 20;  // of one file
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

class list_reader {
public:
  explicit list_reader(const std::function<result<void>(relocated_file)>& each) : each_(each) {}

  result<void> read(std::string_view text) {
    if (text.size() > max_relocations_bytes)
      return fail(errc::limit_exceeded, "Failed to read the relocation list: more than " +
                                            std::to_string(max_relocations_bytes) + " bytes");
    while (!text.empty()) {
      ++line_;
      auto end = text.find('\n');
      if (end == text.npos) return refuse(line_, "is cut short");
      if (auto done = read_line(text.substr(0, end)); !done) return done;
      text.remove_prefix(end + 1);
    }
    if (line_ == 0) return refuse(1, "is missing");
    return hand_over();
  }

private:
  result<void> read_line(std::string_view line) {
    if (line_ == 1) {
      if (line == first_line) return {};
      return refuse(1, "is '" + printable(line, max_error_chars) + "' instead of '" +
                           std::string(first_line) + "'");
    }
    auto kind = line.substr(0, 2);
    line.remove_prefix(kind.size());
    if (kind == "F ") return read_file(line);
    if (kind == "P ") return read_literal(line);
    return refuse(line_, "is neither a file nor a path");
  }

  result<void> read_file(std::string_view line) {
    if (auto done = hand_over(); !done) return done;
    if (++files_ > max_relocated_files)
      return refuse(line_,
                    "is beyond the limit of " + std::to_string(max_relocated_files) + " files",
                    errc::limit_exceeded);
    auto bytes = take_number(line);
    if (!bytes || *bytes > max_relocated_file_bytes)
      return refuse(line_, "has no size from 0 to " + std::to_string(max_relocated_file_bytes));
    if (!can_be_listed(line)) return refuse(line_, no_name(line));
    if (!names_.insert(line).second)
      return refuse(line_, "names '" + printable(line, max_error_chars) + "' once more");
    file_ = relocated_file{std::string(line), *bytes, {}};
    return {};
  }

  result<void> read_literal(std::string_view line) {
    if (!file_) return refuse(line_, "belongs to no file");
    auto& literals = file_->literals;
    if (literals.size() >= max_file_literals)
      return refuse(
          line_, "is beyond the limit of " + std::to_string(max_file_literals) + " paths in a file",
          errc::limit_exceeded);
    auto begin = take_number(line);
    auto end = begin ? take_number(line) : std::nullopt;
    auto free_from = literals.empty() ? 0 : literals.back().end;
    // Both quotes are inside, so it is at least two bytes long.
    if (!end || *begin < free_from || *end > file_->bytes || *end < 2 || *begin > *end - 2)
      return refuse(line_, "has no place in its file");
    if (!can_be_listed(line)) return refuse(line_, no_name(line));
    literals.push_back({*begin, *end, std::string(line)});
    return {};
  }

  result<void> hand_over() {
    if (!file_) return {};
    if (file_->literals.empty()) return refuse(line_, "ends a file without a path");
    auto done = each_(std::move(*file_));
    file_.reset();
    return done;
  }

  static std::string no_name(std::string_view line) {
    return "names '" + printable(line, max_error_chars) +
           "', which is no relative, normalised path";
  }

  const std::function<result<void>(relocated_file)>& each_;
  std::optional<relocated_file> file_;
  std::unordered_set<std::string_view> names_;  // in the text that is read
  size_t line_ = 0;
  size_t files_ = 0;
};

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

result<std::string> rewrite(std::string_view content, const relocated_file& file,
                            std::string_view mount_path) {
  if (content.size() != file.bytes)
    return fail(errc::conflict, "it has " + std::to_string(content.size()) + " bytes instead of " +
                                    std::to_string(file.bytes));
  std::string out;
  size_t copied = 0;
  for (const auto& literal : file.literals) {
    if (auto done = check_literal(content, literal, copied); !done) return fail(done.error());
    out += content.substr(copied, literal.begin - copied);
    out += '"';
    append_escaped(out, mount_path);
    out += '/';
    append_escaped(out, literal.suffix);
    out += '"';
    copied = literal.end;
    if (out.size() > max_rewritten_bytes)
      return fail(errc::limit_exceeded,
                  "it would have more than " + std::to_string(max_rewritten_bytes) + " bytes");
  }
  return out += content.substr(copied);
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

result<void> parse_relocations(std::string_view text,
                               const std::function<result<void>(relocated_file)>& each) {
  return list_reader(each).read(text);
}

result<std::string> relocate(std::string_view content, const relocated_file& file,
                             std::string_view mount_path) {
  auto step = "Failed to relocate '" + printable(file.path, max_error_chars) + "'";
  if (!mount_path.starts_with('/') || mount_path.size() >= PATH_MAX || !is_clean_text(mount_path))
    return fail(errc::invalid_argument, step + ": mount path '" +
                                            printable(mount_path, max_error_chars) +
                                            "' is no absolute path of printable UTF-8");
  while (mount_path.ends_with('/')) mount_path.remove_suffix(1);
  auto rewritten = rewrite(content, file, mount_path);
  if (!rewritten) return wrap(rewritten.error(), step);
  return rewritten;
}

}  // namespace gkm
