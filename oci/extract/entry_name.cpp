#include "oci/extract/entry_name.hpp"

#include <limits.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gkm::oci {
namespace {

constexpr size_t max_quoted_bytes = 200;
constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view opaque_whiteout = ".wh..wh..opq";

struct content_directory {
  std::string_view name;
  std::string_view type;
};
constexpr std::array<content_directory, 2> content_directories{
    {{"io.triton.cache", "triton"}, {"io.vllm.cache", "vllm"}}};

/// Calls `visit` with each component but empty ones and `.`, until it returns false.
template <class F>
void for_components(std::string_view name, F visit) {
  while (!name.empty()) {
    auto part = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(name.size(), part.size() + 1));
    if (!part.empty() && part != "." && !visit(part)) return;
  }
}

/// The length of the printable character that `text` begins with, in bytes; 0 if there is none: a
/// control character (C0, C1, DEL) or not UTF-8 (RFC 3629: no overlong forms, no surrogates).
size_t printable_length(std::string_view text) {
  auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  auto follows = [&](size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return at(i) >= low && at(i) <= high;
  };
  unsigned c = at(0);
  if (c < 0x80) return c >= 0x20 && c != 0x7f ? 1 : 0;
  if (c >= 0xc2 && c <= 0xdf) return follows(1, c == 0xc2 ? 0xa0 : 0x80) ? 2 : 0;
  if (c >= 0xe0 && c <= 0xef)
    return follows(1, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
  if (c >= 0xf0 && c <= 0xf4)
    return follows(1, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3)
               ? 4
               : 0;
  return 0;
}

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    auto n = printable_length(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

result<void> check_component(std::string_view part) {
  if (part == "..") return fail(errc::refused, "its name contains '..'");
  if (part.starts_with(whiteout_prefix))
    return fail(errc::refused, "it is a whiteout: a cache image may not delete files");
  if (part.size() > NAME_MAX)
    return fail(errc::limit_exceeded, "a part of its name is longer than " +
                                          std::to_string(NAME_MAX) + " bytes, the limit");
  return {};
}

}  // namespace

entry_place place_of(std::string_view name) {
  entry_place place;
  for_components(name, [&](std::string_view part) {
    if (part == "..") return true;
    place.top = part;
    return false;
  });
  for (const auto& d : content_directories)
    if (place.top == d.name) place.cache_type = d.type;
  return place;
}

bool hides_content(std::string_view name) {
  auto top = place_of(name).top;
  if (!top.starts_with(whiteout_prefix)) return false;
  if (top == opaque_whiteout) return true;
  return !place_of(top.substr(whiteout_prefix.size())).cache_type.empty();
}

result<std::string> path_in_content(std::string_view name, const extract_limits& limits) {
  if (!is_printable(name))
    return fail(errc::refused, "its name contains control characters or is not UTF-8");
  if (name.size() > limits.path_bytes)
    return fail(errc::limit_exceeded, "its name is longer than " +
                                          std::to_string(limits.path_bytes) + " bytes, the limit");
  result<void> ok;
  std::string path;
  size_t depth = 0;
  for_components(name, [&](std::string_view part) {
    ok = check_component(part);
    if (depth++ > 0) {  // the first is the content directory
      if (!path.empty()) path += '/';
      path += part;
    }
    return ok.has_value();
  });
  if (!ok) return fail(ok.error());
  if (depth > limits.path_depth + size_t{1})
    return fail(errc::limit_exceeded, "it lies deeper than " + std::to_string(limits.path_depth) +
                                          " directories, the limit");
  return path;
}

std::optional<std::string> target_in_content(std::string_view path, std::string_view target,
                                             std::string_view cache_type) {
  if (!target.starts_with('/') || cache_type.empty() || place_of(target).cache_type != cache_type)
    return std::nullopt;
  std::string relative;
  for (auto up = std::count(path.begin(), path.end(), '/'); up > 0; --up) relative += "../";
  bool first = true;
  for_components(target, [&](std::string_view part) {
    if (!std::exchange(first, false)) relative += std::string(part) + "/";
    return true;
  });
  if (relative.empty()) return ".";
  relative.pop_back();
  return relative;
}

result<void> check_symlink(std::string_view path, std::string_view target,
                           const extract_limits& limits) {
  if (target.empty()) return fail(errc::refused, "it is a symbolic link to nowhere");
  if (!is_printable(target))
    return fail(errc::refused, "its target contains control characters or is not UTF-8");
  if (target.size() > limits.path_bytes)
    return fail(errc::limit_exceeded, "its target is longer than " +
                                          std::to_string(limits.path_bytes) + " bytes, the limit");
  auto to = " to " + in_quotes(target);
  if (target.starts_with('/'))
    return fail(errc::refused, "it is a symbolic link" + to + ", an absolute path");
  auto depth = static_cast<size_t>(std::count(path.begin(), path.end(), '/'));
  bool went_down = false;
  result<void> ok;
  for_components(target, [&](std::string_view part) {
    if (part != "..") {
      went_down = true;
    } else if (went_down) {
      ok = fail(errc::refused, "it is a symbolic link" + to + ", which has '..' after a name");
    } else if (depth-- == 0) {
      ok = fail(errc::refused, "it is a symbolic link" + to + ", which leaves the cache");
    }
    return ok.has_value();
  });
  return ok;
}

std::string in_quotes(std::string_view name) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "'";
  while (!name.empty()) {
    auto n = printable_length(name);
    if (out.size() + std::max<size_t>(n, 4) > max_quoted_bytes) {
      out += "...";
      break;
    }
    if (n > 0) {
      out += name.substr(0, n);
    } else {
      auto c = static_cast<unsigned char>(name.front());
      out += "\\x";
      out += digits[c >> 4];
      out += digits[c & 15];
    }
    name.remove_prefix(std::max<size_t>(n, 1));
  }
  return out += '\'';
}

}  // namespace gkm::oci
