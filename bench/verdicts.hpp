/// Medians of what was measured, as rows with ratios, targets and verdicts.
#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gkm::bench {

struct sample {
  double wall_s = 0;
  double cpu_s = 0;
  double peak_kib = 0;
};
using samples = std::map<std::string, std::vector<sample>>;

struct row {
  std::string name;
  std::string unit;
  std::optional<double> value;
  std::string ratio;
  std::string target;
  std::optional<bool> met;
  size_t rounds = 0;
};

inline double median(const std::vector<sample>& all, double sample::*field) {
  std::vector<double> values;
  for (const auto& s : all) values.push_back(s.*field);
  std::ranges::sort(values);
  const auto half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

inline std::string text(const char* format, double value) {
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), format, value);
  return out.data();
}

/// Collects rows; a row whose measurement is missing is shown as skipped.
class table {
public:
  explicit table(const samples& all) : all_(all) {}

  void wall(const std::string& name, const std::string& label) {
    rows_.push_back({name, "s", value(label, &sample::wall_s), "", "", {}, rounds(label)});
  }
  /// Ours compared with a peer's: at most `limit` times as long.
  void ratio(const std::string& name, const std::string& ours, const std::string& peer,
             double limit, bool brief = false) {
    constexpr double ms = 1e3;
    auto mine = value(ours, &sample::wall_s);
    auto theirs = value(peer, &sample::wall_s);
    row r{name, brief ? "ms" : "s", mine, "", text("<= %.2f x", limit), {}, rounds(ours)};
    if (brief && mine) r.value = *mine * ms;
    if (mine && theirs) {
      r.ratio = text("%.2f x", *mine / *theirs);
      r.met = *mine <= limit * *theirs;
    }
    rows_.push_back(std::move(r));
  }
  /// Ours compared with a peer's: at most `limit_s` longer.
  void difference(const std::string& name, const std::string& ours, const std::string& peer,
                  double limit_s) {
    constexpr double ms = 1e3;
    auto mine = value(ours, &sample::wall_s);
    auto theirs = value(peer, &sample::wall_s);
    row r{name, "s", mine, "", text("<= +%.0f ms", limit_s * ms), {}, rounds(ours)};
    if (mine && theirs) {
      r.ratio = text("%+.1f ms", (*mine - *theirs) * ms);
      r.met = *mine <= *theirs + limit_s;
    }
    rows_.push_back(std::move(r));
  }
  void memory(const std::string& name, const std::string& label, double limit_mb) {
    constexpr double kib_per_mb = 1e6 / 1024;
    auto kib = largest(label, &sample::peak_kib);
    row r{name,
          "MB",
          kib ? std::optional(*kib / kib_per_mb) : std::nullopt,
          "",
          limit_mb > 0 ? text("<= %.0f MB", limit_mb) : "",
          {},
          rounds(label)};
    if (r.value && limit_mb > 0) r.met = *r.value <= limit_mb;
    rows_.push_back(std::move(r));
  }
  /// At most so long, and how many times as long as the bare system calls beside it.
  void call(const std::string& name, const std::string& label, double limit_s,
            const std::string& floor = "") {
    constexpr double ms = 1e3;
    auto mine = value(label, &sample::wall_s);
    auto least = value(floor, &sample::wall_s);
    row r{name, "ms", mine ? std::optional(*mine * ms) : std::nullopt, "", "", {}, rounds(label)};
    if (limit_s > 0) {
      r.target = text("<= %.1f ms", limit_s * ms);
      if (mine) r.met = *mine <= limit_s;
    }
    if (mine && least) r.ratio = text("%.1f x", *mine / *least);
    rows_.push_back(std::move(r));
  }
  /// A plain count, which the script wrote where a wall time would be; the largest.
  void count(const std::string& name, const std::string& label, double limit) {
    row r{name, "", largest(label, &sample::wall_s), "", text("<= %.0f", limit), {}, rounds(label)};
    if (r.value) r.met = *r.value <= limit;
    rows_.push_back(std::move(r));
  }
  /// Of one core, in per cent.
  void core(const std::string& name, const std::string& label, double limit) {
    row r{name, "%",          value(label, &sample::wall_s), "", text("<= %.1f %%", limit),
          {},   rounds(label)};
    if (r.value) r.met = *r.value <= limit;
    rows_.push_back(std::move(r));
  }
  const std::vector<row>& rows() const { return rows_; }

private:
  std::optional<double> value(const std::string& label, double sample::*field) const {
    auto found = all_.find(label);
    return found == all_.end() ? std::nullopt : std::optional(median(found->second, field));
  }
  std::optional<double> largest(const std::string& label, double sample::*field) const {
    auto found = all_.find(label);
    if (found == all_.end()) return std::nullopt;
    double most = 0;
    for (const auto& s : found->second) most = std::max(most, s.*field);
    return most;
  }
  size_t rounds(const std::string& label) const {
    auto found = all_.find(label);
    return found == all_.end() ? 0 : found->second.size();
  }

  const samples& all_;
  std::vector<row> rows_;
};

}  // namespace gkm::bench
