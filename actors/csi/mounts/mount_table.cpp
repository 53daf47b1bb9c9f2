#include "actors/csi/mounts/mount_table.hpp"

#include "base/files.hpp"

#include <charconv>

namespace gkm::csi {
namespace {

/// Up to the next separator, which is taken away as well.
std::string_view take(std::string_view& rest, char separator) {
  auto end = rest.find(separator);
  auto word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return word;
}

template <class Number>
bool read_number(std::string_view text, Number& into) {
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
  return failed == std::errc{} && end == text.data() + text.size();
}

/// The kernel writes blanks, tabs, line breaks and backslashes as three octal digits.
std::string unescaped(std::string_view text) {
  constexpr size_t digits = 3;
  constexpr int octal = 8;
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char code = 0;
    if (text[i] == '\\' && i + digits < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 1 + digits, code, octal).ec ==
            std::errc{}) {
      plain += static_cast<char>(code);
      i += digits;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool parse_line(std::string_view line, mount_entry& entry) {
  if (!read_number(take(line, ' '), entry.id)) return false;
  take(line, ' ');  // its parent
  if (!read_number(take(line, ':'), entry.dev_major)) return false;
  if (!read_number(take(line, ' '), entry.dev_minor)) return false;
  entry.root = unescaped(take(line, ' '));
  entry.mounted_on = unescaped(take(line, ' '));
  take(line, ' ');  // its options
  // Then any number of optional fields, and a dash.
  while (!line.empty() && take(line, ' ') != "-") {
  }
  entry.type = unescaped(take(line, ' '));
  entry.source = unescaped(take(line, ' '));
  return !entry.type.empty();
}

}  // namespace

std::vector<mount_entry> parse_mount_table(std::string_view text) {
  std::vector<mount_entry> all;
  while (!text.empty())
    if (mount_entry entry; parse_line(take(text, '\n'), entry)) all.push_back(std::move(entry));
  return all;
}

result<std::vector<mount_entry>> read_mount_table() {
  constexpr size_t max_bytes = 256 << 20;
  auto text = base::read_file("/proc/self/mountinfo", max_bytes);
  if (!text) return fail(text.error());
  return parse_mount_table(*text);
}

}  // namespace gkm::csi
