#include "k8s/objects/time.hpp"

#include <chrono>
#include <cstdio>

namespace gkm::k8s {
namespace {

using namespace std::chrono;

constexpr int64_t us_per_s = 1'000'000;

// Exactly `count` digits at `at`, which moves on; -1 if they are not there.
int take_digits(std::string_view text, size_t& at, size_t count) {
  int value = 0;
  if (text.size() - at < count) return -1;
  for (size_t i = 0; i < count; ++i, ++at) {
    if (text[at] < '0' || text[at] > '9') return -1;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

bool take(std::string_view text, size_t& at, char upper, char lower) {
  if (at >= text.size() || (text[at] != upper && text[at] != lower)) return false;
  ++at;
  return true;
}

bool take(std::string_view text, size_t& at, char c) { return take(text, at, c, c); }

std::optional<seconds> take_offset(std::string_view text, size_t& at) {
  if (take(text, at, 'Z', 'z')) return seconds{0};
  int sign = take(text, at, '+') ? 1 : take(text, at, '-') ? -1 : 0;
  if (sign == 0) return std::nullopt;
  int h = take_digits(text, at, 2);
  if (h < 0 || h > 23 || !take(text, at, ':')) return std::nullopt;
  int m = take_digits(text, at, 2);
  if (m < 0 || m > 59) return std::nullopt;
  return sign * (hours{h} + minutes{m});
}

std::optional<sys_days> take_date(std::string_view text, size_t& at) {
  int y = take_digits(text, at, 4);
  if (y < 1 || !take(text, at, '-')) return std::nullopt;
  int m = take_digits(text, at, 2);
  if (m < 0 || !take(text, at, '-')) return std::nullopt;
  int d = take_digits(text, at, 2);
  year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
  if (m < 0 || d < 0 || !date.ok()) return std::nullopt;
  return sys_days{date};
}

std::optional<seconds> take_time_of_day(std::string_view text, size_t& at) {
  int h = take_digits(text, at, 2);
  if (h < 0 || h > 23 || !take(text, at, ':')) return std::nullopt;
  int m = take_digits(text, at, 2);
  if (m < 0 || m > 59 || !take(text, at, ':')) return std::nullopt;
  int s = take_digits(text, at, 2);
  if (s < 0 || s > 60) return std::nullopt;
  if (take(text, at, '.')) {
    auto first = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    if (at == first) return std::nullopt;
  }
  return hours{h} + minutes{m} + seconds{s};
}

std::string print(int64_t unix_s, const char* fraction) {
  sys_seconds when{seconds{unix_s}};
  auto date = floor<days>(when);
  year_month_day ymd{date};
  hh_mm_ss time{when - date};
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d%sZ", static_cast<int>(ymd.year()),
                static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), fraction);
  return text;
}

}  // namespace

std::string print_time(int64_t unix_s) { return print(unix_s, ""); }

std::string print_micro_time(int64_t unix_us) {
  auto whole = unix_us / us_per_s - (unix_us % us_per_s < 0 ? 1 : 0);
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%06d", static_cast<int>(unix_us - whole * us_per_s));
  return print(whole, fraction);
}

std::optional<int64_t> parse_time(std::string_view text) {
  size_t at = 0;
  auto date = take_date(text, at);
  if (!date || !take(text, at, 'T', 't')) return std::nullopt;
  auto time = take_time_of_day(text, at);
  if (!time) return std::nullopt;
  auto offset = take_offset(text, at);
  if (!offset || at != text.size()) return std::nullopt;
  return (date->time_since_epoch() + *time - *offset).count();
}

int64_t now_unix_s() { return now_unix_us() / us_per_s; }

int64_t now_unix_us() {
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace gkm::k8s
