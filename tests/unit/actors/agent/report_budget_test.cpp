#include "actors/agent/report_budget.hpp"

#include "actors/agent/report_entries.hpp"
#include "k8s/objects/types.hpp"

#include <gtest/gtest.h>

#include <random>

namespace gkm::node {
namespace {

using chance = std::mt19937_64;

digest digest_number(uint64_t n) {
  auto text = std::to_string(n);
  return {std::string(64 - text.size(), 'a') + text};
}

/// As a stranger may have made it: quotes, control characters, half of a character.
std::string nasty_text(chance& by, size_t most) {
  constexpr std::string_view some = "aZ09 \"\\\n\x01\xc3\xe2\x82\xac";
  std::string text(by() % (most + 1), ' ');
  for (auto& c : text) c = some[by() % some.size()];
  return text;
}

report_entry random_entry(chance& by) {
  static constexpr const char* states[] = {"Pending", "Extracted", "Running", "Outdated", "Error"};
  report_entry e;
  const auto* state = states[by() % std::size(states)];
  e.conditions = {{state, condition_status::yes, state, nasty_text(by, 1'024), 3, 1'700'000'000}};
  for (int id = 0; id < static_cast<int>(by() % 17); ++id) {
    if (by() % 2)
      e.compatible_gpus.push_back(id);
    else
      e.incompatible_gpus.push_back({id, false, nasty_text(by, 1'000)});
  }
  e.volume_bytes = by();
  e.updated_unix_s = 1'700'000'000;
  auto pods = by() % 4 == 0 ? by() % 100 : 0;
  for (uint64_t i = 0; i < pods; ++i)
    e.pods.push_back({"ns-" + std::to_string(by() % 9), nasty_text(by, 253), nasty_text(by, 250)});
  return e;
}

node_report random_report(chance& by) {
  node_report report;
  report.name = report.node_name = "worker-1";
  report.ns = by() % 2 ? "team" : "";
  static constexpr size_t sizes[] = {3, 60, 600, 2'000};
  auto caches = 1 + by() % sizes[by() % std::size(sizes)];
  for (uint64_t i = 0; i < caches; ++i) {
    auto name = std::to_string(i) + std::string(by() % 2 ? by() % 240 : 3, 'n');
    auto digests = by() % 50 == 0 ? by() % 100 : 1 + by() % 2;
    for (uint64_t d = 0; d <= digests; ++d)
      report.caches[name][digest_number(by() % 1'000)] = random_entry(by);
  }
  return report;
}

size_t entries_in(const node_report& report) {
  size_t n = 0;
  for (const auto& [name, entries] : report.caches) n += entries.size();
  return n;
}

node_report failing_caches(size_t n) {
  node_report report;
  report.ns = "team";
  report.name = report.node_name = "worker-1";
  for (size_t i = 0; i < n; ++i) {
    report_entry e;
    e.conditions = {{"Error", condition_status::yes, "NotFound", std::string(1'024, 'e'), 0, 1}};
    report.caches["cache-" + std::to_string(i)][digest_number(i)] = e;
  }
  return report;
}

}  // namespace

TEST(report_budget, holds_whatever_a_node_has_to_say) {
  size_t cut_short = 0;
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    chance by(seed);
    const auto whole = random_report(by);
    auto report = whole;
    fit(report);
    auto patch = k8s::status_patch(node_report{}, report);
    ASSERT_TRUE(patch);
    // The record of writers needs the rest.
    EXPECT_LE(patch->size(), report_bytes_max) << seed;
    EXPECT_LE(bytes_in_etcd(report), report_bytes_max) << seed;
    EXPECT_LE(patch->size(), bytes_in_etcd(report) + 1'024) << seed << ": it is an upper bound";
    EXPECT_EQ(entries_in(report) + report.omitted, entries_in(whole)) << seed;
    for (const auto& [name, entries] : report.caches)
      for (const auto& [d, e] : entries)
        EXPECT_EQ(count_pods(e), count_pods(whole.caches.at(name).at(d))) << seed;
    auto again = report;
    fit(again);
    again.omitted = report.omitted;
    EXPECT_EQ(again, report) << seed << ": what fits stays as it is";
    cut_short += report != whole;
  }
  EXPECT_GT(cut_short, 4u);
}

TEST(report_budget, leaves_a_usual_report_alone) {
  auto report = failing_caches(100);
  auto before = report;
  fit(report);
  EXPECT_EQ(report, before);
}

TEST(report_budget, shortens_the_words_of_a_thousand_failing_caches_and_names_them_all) {
  auto report = failing_caches(1'050);
  fit(report);
  EXPECT_EQ(report.caches.size(), 1'050u);
  EXPECT_EQ(report.omitted, 0u);
  EXPECT_GE(report.caches.begin()->second.begin()->second.conditions[0].message.size(), 200u);
}

TEST(report_budget, lists_some_tens_of_pods_and_counts_them_all) {
  node_report report;
  report_entry e;
  e.conditions = {{"Running", condition_status::yes, "Running", "", 0, 1}};
  for (int i = 0; i < 4'096; ++i) {
    auto pod = std::string(253, 'p') + std::to_string(i);
    e.pods.push_back({"team", pod, "v1-" + pod});
    e.pods.push_back({"team", pod, "v2-" + pod});
  }
  report.caches["x"][digest_number(1)] = e;
  fit(report);
  const auto& cut = report.caches["x"].at(digest_number(1));
  EXPECT_EQ(cut.pods.size(), listed_volumes_max);
  EXPECT_EQ(cut.pod_count, 4'096u);
}

TEST(report_budget, leaves_out_what_waits_before_what_is_in_use) {
  auto report = failing_caches(4'000);
  auto used = failing_caches(1);
  for (int i = 0; i < 20; ++i) {
    report_entry e;
    e.conditions = {{"Running", condition_status::yes, "Running", "", 0, 1}};
    e.pods = {{"team", "pod", "volume"}};
    report.caches["zz-" + std::to_string(i)][digest_number(1)] = e;
  }
  fit(report);
  EXPECT_GT(report.omitted, 0u);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(report.caches.contains("zz-" + std::to_string(i)));
}

}  // namespace gkm::node
