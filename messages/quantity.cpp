#include "messages/quantity.hpp"

#include <algorithm>
#include <charconv>
#include <span>

namespace gkm {
namespace {

struct unit {
  std::string_view suffix;
  uint64_t factor;
};

constexpr uint64_t hundred = 100;
constexpr unit percent_units[] = {{"%", 1}};
constexpr unit time_units[] = {{"", 1}, {"s", 1}, {"m", 60}};
constexpr unit size_units[] = {{"", 1},
                               {"k", 1'000},
                               {"M", 1'000'000},
                               {"G", 1'000'000'000},
                               {"T", 1'000'000'000'000},
                               {"Ki", 1ULL << 10},
                               {"Mi", 1ULL << 20},
                               {"Gi", 1ULL << 30},
                               {"Ti", 1ULL << 40}};

std::optional<uint64_t> parse(std::string_view text, std::span<const unit> units) {
  uint64_t number = 0;
  auto [rest, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc()) return std::nullopt;
  auto suffix = text.substr(static_cast<size_t>(rest - text.data()));
  for (const auto& u : units) {
    if (u.suffix != suffix) continue;
    if (number > UINT64_MAX / u.factor) return std::nullopt;
    return number * u.factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> parse_seconds(std::string_view text) { return parse(text, time_units); }
std::optional<uint64_t> parse_bytes(std::string_view text) { return parse(text, size_units); }

std::optional<share> parse_share(std::string_view text) {
  if (auto percent = parse(text, percent_units)) {
    if (*percent > hundred) return std::nullopt;
    return share{*percent, true};
  }
  if (auto bytes = parse_bytes(text)) return share{*bytes, false};
  return std::nullopt;
}

uint64_t share::of(uint64_t whole_bytes) const {
  if (!percent) return std::min(value, whole_bytes);
  return whole_bytes / hundred * value + whole_bytes % hundred * value / hundred;
}

std::string share::str() const {
  if (percent) return std::to_string(value) + "%";
  const unit* largest = &size_units[0];
  for (const auto& u : size_units)
    if (value > 0 && u.suffix.ends_with('i') && value % u.factor == 0) largest = &u;
  return std::to_string(value / largest->factor) + std::string(largest->suffix);
}

}  // namespace gkm
