#include "actors/agent/foreign_metrics.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <set>

namespace gkm::node {
namespace {

constexpr size_t max_line_chars = 512;
constexpr std::array<std::string_view, 5> kinds{"counter", "gauge", "histogram", "summary",
                                                "untyped"};

bool is_printable(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// Reads one line from its front.
class cursor {
public:
  explicit cursor(std::string_view line) : rest_(line) {}

  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  /// Of a metric or a label; empty if there is none.
  std::string_view name() {
    size_t n = 0;
    auto may_be = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    while (n < rest_.size() && may_be(rest_[n])) ++n;
    if (n > 0 && std::isdigit(static_cast<unsigned char>(rest_[0]))) n = 0;
    auto taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  /// `{a="b",c="d"}`, or nothing of the kind. No label twice, and none that is Prometheus' own.
  bool labels() {
    if (!take("{")) return true;
    if (take("}")) return true;
    std::set<std::string_view> known;
    do {
      auto label = name();
      if (label.empty() || label.starts_with("__") || !known.insert(label).second) return false;
      if (!take("=\"") || !quoted()) return false;
    } while (take(","));
    return take("}");
  }
  /// Decimal, as C knows more kinds than Prometheus: one line that it cannot read costs it all.
  bool number() const {
    if (rest_ == "NaN" || rest_ == "+Inf" || rest_ == "-Inf") return true;
    bool decimal = !rest_.empty() && rest_.find_first_not_of("0123456789+-.eE") == rest_.npos;
    if (!decimal) return false;
    std::string text(rest_);
    char* end = nullptr;
    std::strtod(text.c_str(), &end);
    return end == text.c_str() + text.size();
  }
  std::string_view rest() const { return rest_; }

private:
  bool quoted() {
    for (size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        if (++i == rest_.size() || std::string_view("\\\"n").find(rest_[i]) == rest_.npos)
          return false;
      } else if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  std::string_view rest_;
};

/// What a sound line is about, of which there may be one; nothing if it is not sound.
std::optional<std::string> subject(std::string_view line, std::string_view prefix) {
  if (line.size() > max_line_chars || !is_printable(line)) return std::nullopt;
  cursor at(line);
  bool help = at.take("# HELP ");
  bool type = !help && at.take("# TYPE ");
  auto name = at.name();
  if (!name.starts_with(prefix)) return std::nullopt;
  if (help || type) {
    bool sound =
        at.take(" ") && (help || std::find(kinds.begin(), kinds.end(), at.rest()) != kinds.end());
    return sound ? std::optional((help ? "# HELP " : "# TYPE ") + std::string(name)) : std::nullopt;
  }
  if (!at.labels()) return std::nullopt;
  std::string sample(line.substr(0, line.size() - at.rest().size()));
  return at.take(" ") && at.number() ? std::optional(sample) : std::nullopt;
}

}  // namespace

std::string sound_metrics(std::string_view text, std::string_view prefix) {
  std::string sound;
  std::set<std::string> seen;
  while (!text.empty() && seen.size() < max_foreign_lines) {
    auto end = text.find('\n');
    if (end == text.npos) break;  // the last line is not whole
    auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    auto about = subject(line, prefix);
    if (about && seen.insert(*about).second) sound.append(line).append(1, '\n');
  }
  return sound;
}

}  // namespace gkm::node
