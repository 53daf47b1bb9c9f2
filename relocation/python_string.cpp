#include "relocation/python_string.hpp"

#include "base/text.hpp"

namespace gkm::relocation {
namespace {

constexpr size_t max_prefix_chars = 2;

/// The letters before the quote; npos if no quote follows.
size_t prefix_size(std::string_view source, size_t at) {
  for (size_t n = 0; n <= max_prefix_chars && at + n < source.size(); ++n) {
    char c = source[at + n];
    if (c == '"' || c == '\'') return n;
    if (std::string_view("rRbBuUfFtT").find(c) == std::string_view::npos) break;
  }
  return std::string_view::npos;
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

/// False for what is no character of UTF-8.
bool append_utf8(std::string& out, uint32_t c) {
  if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return false;
  auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  auto follow = [&](unsigned shift) { put(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6));
    follow(0);
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    follow(6);
    follow(0);
  } else {
    put(0xf0 | (c >> 18));
    follow(12);
    follow(6);
    follow(0);
  }
  return true;
}

/// Between the quotes of a literal that is not raw.
class unescaper {
public:
  explicit unescaper(std::string_view body) : body_(body) {}

  std::optional<std::string> read() {
    while (at_ < body_.size()) {
      char c = body_[at_++];
      if (c != '\\')
        out_ += c;
      else if (at_ == body_.size() || !escape(body_[at_++]))
        return std::nullopt;
    }
    return std::move(out_);
  }

private:
  bool escape(char c) {
    constexpr std::string_view named = "\\'\"abfnrtv";
    constexpr std::string_view meaning = "\\'\"\a\b\f\n\r\t\v";
    if (auto i = named.find(c); i != named.npos) return out_ += meaning[i], true;
    if (c == '\n') return true;
    if (c == '\r') return at_ += at_ < body_.size() && body_[at_] == '\n' ? 1 : 0, true;
    if (c == 'x') return number(16, 2, 2);
    if (c == 'u') return number(16, 4, 4);
    if (c == 'U') return number(16, 8, 8);
    if (c >= '0' && c <= '7') return --at_, number(8, 1, 3);
    if (c == 'N') return false;
    return out_ += '\\', out_ += c, true;
  }

  bool number(int base, size_t min_digits, size_t max_digits) {
    uint32_t value = 0;
    size_t n = 0;
    for (; n < max_digits && at_ < body_.size() && digit_value(body_[at_]) < base; ++n, ++at_)
      value = value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit_value(body_[at_]));
    return n >= min_digits && append_utf8(out_, value);
  }

  std::string_view body_;
  size_t at_ = 0;
  std::string out_;
};

/// Where the closing quote begins; npos if there is none. A backslash protects what follows it, in
/// raw strings as well.
size_t find_closing(std::string_view source, size_t from, std::string_view quote) {
  for (size_t i = from; i < source.size(); ++i) {
    char c = source[i];
    if (c == '\\') {
      i += source.compare(i + 1, 2, "\r\n") == 0 ? 2 : 1;
    } else if (source.compare(i, quote.size(), quote) == 0) {
      return i;
    } else if (quote.size() == 1 && (c == '\n' || c == '\r')) {
      break;
    }
  }
  return source.npos;
}

}  // namespace

bool begins_python_string(std::string_view source, size_t at) {
  return prefix_size(source, at) != source.npos;
}

result<python_string> read_python_string(std::string_view source, size_t at) {
  auto n = prefix_size(source, at);
  if (n == source.npos) return fail(errc::malformed, "no string");
  auto prefix = base::to_lower(source.substr(at, n));
  if (!prefix.empty() && prefix != "r" && prefix != "u" && prefix != "b" && prefix != "br" &&
      prefix != "rb")
    return fail(errc::malformed, "with a string that is no literal");
  python_string out;
  out.quote = at + n;
  out.is_raw = prefix.find('r') != prefix.npos;
  out.is_bytes = prefix.find('b') != prefix.npos;
  auto quote = source.substr(out.quote, 3);
  if (quote.size() < 3 || quote[1] != quote[0] || quote[2] != quote[0]) quote = quote.substr(0, 1);
  auto body = out.quote + quote.size();
  auto closing = find_closing(source, body, quote);
  if (closing == source.npos) return fail(errc::malformed, "with a string that does not end");
  out.end = closing + quote.size();
  auto inside = source.substr(body, closing - body);
  if (out.is_raw)
    out.text = std::string(inside);
  else
    out.text = unescaper(inside).read();
  return out;
}

}  // namespace gkm::relocation
