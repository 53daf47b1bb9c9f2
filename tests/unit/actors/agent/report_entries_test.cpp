#include "actors/agent/report_entries.hpp"

#include "views.hpp"

#include <gtest/gtest.h>

namespace gkm::node {
namespace {

const cache_ref ref{"default", "x"};
constexpr int64_t now = 1'700'000'000;

cache_view view_of(const cache_status& status, const std::vector<mounted_volume>& volumes = {}) {
  cache_view view;
  view.wanted = cache_spec{ref, *image_ref::parse(status.image)};
  for (const auto& v : volumes) view.volumes[v.volume_id] = v;
  learn(view, status);
  return view;
}

report_entries entries(const cache_view& view, const report_entries& seen = {}, int64_t at = now) {
  auto all = entries_of(view, seen, "Waiting");
  put_times(all, seen, at);
  return all;
}

/// "a=Running(p1,p2) b=Pending": digests by their first character.
std::string told(const report_entries& all) {
  std::string text;
  for (const auto& [d, e] : all) {
    text += (text.empty() ? "" : " ") + d.hex.substr(0, 1) + "=" + std::string(state_of(e));
    std::string pods;
    for (const auto& p : e.pods) pods += (pods.empty() ? "" : ",") + p.name;
    if (!pods.empty()) text += "(" + pods + ")";
  }
  return text;
}

struct row {
  const char* what;
  cache_state state;
  char image;
  char serving;
  std::string mounted;  ///< pairs of manifest and pod: "a1b2"
  const char* expected;
};

class of_a_status : public testing::TestWithParam<row> {};

TEST_P(of_a_status, tells_each_digest_once) {
  const auto& r = GetParam();
  std::vector<mounted_volume> volumes;
  for (size_t i = 0; i < r.mounted.size(); i += 2)
    volumes.push_back(volume_of(ref, r.mounted[i], std::string(1, r.mounted[i + 1])));
  auto all = entries(view_of(status_of(ref, r.state, r.image, r.serving), volumes));
  EXPECT_EQ(told(all), r.expected);
  for (const auto& [d, e] : all) {
    EXPECT_EQ(e.conditions.size(), 1u);
    EXPECT_FALSE(e.conditions[0].reason.empty()) << "the API takes no empty one";
    EXPECT_EQ(e.conditions[0].changed_unix_s, now);
    EXPECT_EQ(e.updated_unix_s, now);
  }
}

INSTANTIATE_TEST_SUITE_P(
    report, of_a_status,
    testing::Values(
        row{"on its way", cache_state::pending, 'a', 0, "", "a=Pending"},
        row{"there", cache_state::extracted, 'a', 'a', "", "a=Extracted"},
        row{"in use", cache_state::running, 'a', 'a', "a1a2", "a=Running(1,2)"},
        row{"in use, its actor does not know yet", cache_state::extracted, 'a', 'a', "a1",
            "a=Running(1)"},
        row{"not in use any more", cache_state::running, 'a', 'a', "", "a=Extracted"},
        row{"failed", cache_state::error, 'a', 0, "", "a=Error"},
        row{"a new image comes", cache_state::pending, 'b', 'a', "", "a=Outdated b=Pending"},
        row{"a new image comes while the old is used", cache_state::pending, 'b', 'a', "a1",
            "a=Outdated(1) b=Pending"},
        row{"the new image fails", cache_state::error, 'b', 'a', "a1", "a=Outdated(1) b=Error"},
        row{"the new image is there", cache_state::extracted, 'b', 'b', "a1",
            "a=Outdated(1) b=Extracted"},
        row{"both are used", cache_state::running, 'b', 'b', "a1b2", "a=Outdated(1) b=Running(2)"},
        row{"three images", cache_state::pending, 'c', 'b', "a1b2",
            "a=Outdated(1) b=Outdated(2) c=Pending"},
        row{"said of the old, just before the new begins", cache_state::extracted, 'b', 'a', "",
            "a=Outdated b=Pending"},
        row{"an empty view uses no digest", cache_state::pending, 'a', 0, "", "a=Pending"}),
    [](const auto& r) {
      std::string name = r.param.what;
      std::replace_if(
          name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
      return name;
    });

}  // namespace

TEST(report_entries, name_gpus_and_why_some_cannot) {
  auto all = entries(view_of(status_of(ref, cache_state::extracted, 'a', 'a')));
  const auto& e = all.at(digest_of('a'));
  EXPECT_EQ(e.compatible_gpus, std::vector<int32_t>{0});
  ASSERT_EQ(e.incompatible_gpus.size(), 1u);
  EXPECT_EQ(e.incompatible_gpus[0].reason, "built for gfx90a, this is gfx942");
  EXPECT_EQ(e.volume_bytes, 1'000u);
}

TEST(report_entries, of_a_misfit_say_so_in_one_word) {
  auto status = status_of(ref, cache_state::error, 'a');
  status.code = errc::incompatible;
  status.message = "built for gfx942";
  status.match = {true, {{0, false, "built for gfx942, this is gfx90a"}}};
  auto e = entries(view_of(status)).at(digest_of('a'));
  EXPECT_EQ(e.conditions[0].reason, "Incompatible");
  EXPECT_EQ(e.conditions[0].message, "built for gfx942");
  EXPECT_EQ(e.incompatible_gpus.size(), 1u);
}

TEST(report_entries, of_an_error_claim_nothing_about_gpus) {
  auto status = status_of(ref, cache_state::error, 'b', 'a');
  status.code = errc::not_found;
  auto view = view_of(status_of(ref, cache_state::extracted, 'a', 'a'));
  learn(view, status);
  auto all = entries(view);
  EXPECT_EQ(all.at(digest_of('b')).conditions[0].reason, "NotFound");
  EXPECT_TRUE(all.at(digest_of('b')).compatible_gpus.empty());
  EXPECT_EQ(all.at(digest_of('a')).compatible_gpus, std::vector<int32_t>{0}) << "as it served them";
}

TEST(report_entries, name_an_index_by_its_own_digest) {
  auto status = status_of(ref, cache_state::running, 'f', 'a');
  status.resolved = digest_of('f');
  auto view = view_of(status, {volume_of(ref, 'a', "1")});
  EXPECT_EQ(told(entries(view)), "f=Running(1)");
  learn(view, status_of(ref, cache_state::extracted, 'b', 'b'));
  EXPECT_EQ(told(entries(view)), "b=Extracted f=Outdated(1)");
}

TEST(report_entries, find_an_indexs_name_again_after_a_restart) {
  auto status = status_of(ref, cache_state::running, 'f', 'a');
  status.resolved = digest_of('f');
  auto before = entries(view_of(status, {volume_of(ref, 'a', "1")}));
  auto reborn =
      view_of(status_of(ref, cache_state::extracted, 'b', 'b'), {volume_of(ref, 'a', "1")});
  auto all = entries(reborn, before);
  EXPECT_EQ(told(all), "b=Extracted f=Outdated(1)");
  EXPECT_EQ(all.at(digest_of('f')).volume_bytes, 1'000u) << "as it was reported";
}

TEST(report_entries, keep_what_an_earlier_life_said_until_the_cache_has_spoken) {
  auto before = entries(view_of(status_of(ref, cache_state::extracted, 'a', 'a')));
  cache_view reborn;
  reborn.wanted = spec_named(ref, 'a');
  EXPECT_EQ(entries(reborn, before, now + 9), before);
  reborn.wanted = spec_named(ref, 'b');
  EXPECT_EQ(told(entries(reborn, before)), "a=Extracted b=Pending");
}

TEST(report_entries, say_why_nothing_has_begun) {
  cache_view view;
  view.wanted = spec_named(ref, 'a');
  auto e = entries(view).at(digest_of('a'));
  EXPECT_EQ(e.conditions[0].message, "Waiting");
  EXPECT_EQ(e.updated_unix_s, now);
}

TEST(report_entries, list_pods_of_a_cache_that_nobody_wants_any_more) {
  cache_view view;
  view.volumes["csi-1"] = volume_of(ref, 'a', "1");
  EXPECT_EQ(told(entries(view)), "a=Running(1)");
  view.volumes.clear();
  EXPECT_EQ(told(entries(view)), "");
}

TEST(report_entries, keep_their_times_while_they_say_the_same) {
  auto view = view_of(status_of(ref, cache_state::extracted, 'a', 'a'));
  auto first = entries(view);
  EXPECT_EQ(entries(view, first, now + 5), first);
  view.volumes["csi-1"] = volume_of(ref, 'a', "1");
  auto second = entries(view, first, now + 7);
  EXPECT_EQ(second.at(digest_of('a')).updated_unix_s, now + 7);
  EXPECT_EQ(second.at(digest_of('a')).conditions[0].changed_unix_s, now + 7);
  view.volumes["csi-2"] = volume_of(ref, 'a', "2");
  auto third = entries(view, second, now + 9);
  EXPECT_EQ(third.at(digest_of('a')).conditions[0].changed_unix_s, now + 7) << "still Running";
  EXPECT_EQ(third.at(digest_of('a')).updated_unix_s, now + 9);
}

TEST(report_counts, count_each_pod_once) {
  auto two = entries(view_of(status_of(ref, cache_state::running, 'b', 'b'),
                             {volume_of(ref, 'b', "1"), volume_of(ref, 'a', "2")}));
  auto same_pod = two;
  auto counts = counts_of({{"x", two}, {"y", same_pod}});
  EXPECT_EQ(counts.nodes, 1u);
  EXPECT_EQ(counts.nodes_in_use, 1u);
  EXPECT_EQ(counts.nodes_not_in_use, 0u);
  EXPECT_EQ(counts.pods_running, 1u);
  EXPECT_EQ(counts.pods_outdated, 1u);
  EXPECT_EQ(counts_of({}), (cache_counts{1, 0, 0, 0, 0, 0}));
  auto error = entries(view_of(status_of(ref, cache_state::error, 'a')));
  EXPECT_EQ(counts_of({{"x", error}}), (cache_counts{1, 0, 1, 1, 0, 0}));
}

TEST(report_urgency, is_of_states_and_pods_not_of_words) {
  auto report = [](const cache_status& s, const std::vector<mounted_volume>& v = {}) {
    node_report r;
    r.caches["x"] = entries(view_of(s, v));
    return r;
  };
  auto resolving = status_of(ref, cache_state::pending, 'a');
  auto pulling = resolving;
  pulling.message = "Pulling";
  auto there = status_of(ref, cache_state::extracted, 'a', 'a');
  EXPECT_FALSE(is_urgent(report(resolving), report(pulling)));
  EXPECT_FALSE(is_urgent(node_report{}, report(resolving)));
  EXPECT_TRUE(is_urgent(report(pulling), report(there)));
  EXPECT_TRUE(is_urgent(report(there), report(there, {volume_of(ref, 'a', "1")})));
  EXPECT_TRUE(is_urgent(report(there), node_report{}));
}

}  // namespace gkm::node
