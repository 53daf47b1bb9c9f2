#include "messages/printable.hpp"
#include "messages/relocation.hpp"
#include "relocation/index_format.hpp"
#include "relocation/python_string.hpp"

namespace gkm::relocation {
namespace {

constexpr size_t max_depth = 64;

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '.';
}

/// Reads what Python's own `ast.literal_eval` takes, as far as such indexes need it: dicts, tuples,
/// lists, sets, strings, numbers and the constants. The first thing wrong ends it.
class literal_reader {
public:
  explicit literal_reader(std::string_view source) : source_(source) {}

  result<found_paths> read() {
    skip_space();
    if (peek() != '{') reject("no dict");
    if (ok()) value(0);
    if (ok() && (skip_space(), at_ < source_.size())) reject("more than one literal");
    if (!ok()) return fail(problem_);
    return std::move(found_);
  }

private:
  bool ok() const { return problem_.code == errc::none; }
  void reject(const std::string& what, errc code = errc::malformed) {
    if (ok()) problem_ = {code, what + " (byte " + std::to_string(at_) + ")", {}};
  }
  char peek() const { return at_ < source_.size() ? source_[at_] : '\0'; }
  bool take(char c) {
    skip_space();
    if (at_ >= source_.size() || source_[at_] != c) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    for (; at_ < source_.size(); ++at_) {
      char c = source_[at_];
      if (c == '#')
        at_ = std::min(source_.find('\n', at_), source_.size() - 1);
      else if (c == '\\' && at_ + 1 < source_.size() && source_[at_ + 1] == '\n')
        ++at_;
      else if (c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f')
        return;
    }
  }

  void value(size_t depth) {
    if (depth > max_depth)
      return reject("nested more than " + std::to_string(max_depth) + " levels deep");
    skip_space();
    if (take('{')) return elements('}', depth);
    if (take('(')) return elements(')', depth);
    if (take('[')) return elements(']', depth);
    if (begins_python_string(source_, at_)) return strings();
    word();
  }

  void elements(char closing, size_t depth) {
    while (ok() && !take(closing)) {
      auto paths = found_.paths.size();
      auto unwritable = found_.unwritable;
      value(depth + 1);
      if (closing == '}' && ok() && take(':')) {
        // It was a key, and keys name graphs, not files.
        found_.paths.resize(paths);
        found_.unwritable = unwritable;
        value(depth + 1);
      }
      if (!ok() || take(',')) continue;
      if (!take(closing)) reject("without a comma or bracket where one is due");
      return;
    }
  }

  void word() {
    auto begin = at_;
    if (peek() == '-' || peek() == '+') ++at_;
    while (at_ < source_.size() && is_word(source_[at_])) ++at_;
    auto text = source_.substr(begin, at_ - begin);
    bool constant = text == "None" || text == "True" || text == "False";
    auto first_digit = text.find_first_not_of("+-.");
    bool number = first_digit != text.npos && text[first_digit] >= '0' && text[first_digit] <= '9';
    if (!constant && !number) reject("no literal");
  }

  // Adjacent literals are one string.
  void strings() {
    std::optional<std::string> text = "";
    size_t begin = 0;
    size_t end = 0;
    bool writable = true;
    while (begins_python_string(source_, at_)) {
      auto part = read_python_string(source_, at_);
      if (!part) return reject(part.error().message);
      if (end == 0) begin = part->quote;
      // What is put in the place of all keeps the first one's prefix, and has two quotes alike.
      if (end == 0 && part->is_raw) writable = false;
      if (part->is_bytes || !part->text) text.reset();
      if (text) *text += *part->text;
      at_ = end = part->end;
      skip_space();
    }
    if (source_[begin] != source_[end - 1]) writable = false;
    if (text && is_path(*text)) add({begin, end, std::move(*text)}, writable);
  }

  void add(found_path path, bool writable) {
    if (!writable) {
      ++found_.unwritable;
    } else if (found_.paths.size() < max_file_literals) {
      found_.paths.push_back(std::move(path));
    } else {
      reject("an index of more than " + std::to_string(max_file_literals) + " paths",
             errc::limit_exceeded);
    }
  }

  std::string_view source_;
  size_t at_ = 0;
  found_paths found_;
  error problem_;
};

}  // namespace

result<found_paths> read_vllm_index(std::string_view python) {
  if (valid_utf8(python) != python) return fail(errc::malformed, "not UTF-8");
  return literal_reader(python).read();
}

}  // namespace gkm::relocation
