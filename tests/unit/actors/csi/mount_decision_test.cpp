#include "actors/csi/mount_decision.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gkm::csi {
namespace {

using testing::HasSubstr;

const cache_ref ref{"team", "vector-add"};

catalog_record record(cache_state state, errc code = errc::none, const std::string& reason = {}) {
  catalog_record r;
  r.ref = ref;
  r.state = state;
  r.code = code;
  r.reason = reason;
  r.manifest = digest{std::string(64, 'a')};
  r.files = 3;
  r.bytes = 30;
  r.relocated_files = 2;
  return r;
}

enum class what { usable, not_yet, hopeless };

what kind_of(const result<catalog_record>& found) {
  return static_cast<what>(decide_mount(ref, found).index());
}

publish_request request() {
  publish_request q;
  q.volume_id = "csi-1";
  q.ref = ref;
  q.view = view_kind::readonly;
  q.fallback_empty = true;
  return q;
}

}  // namespace

TEST(mount_decision, takes_what_lies_in_the_store) {
  EXPECT_EQ(kind_of(record(cache_state::extracted)), what::usable);
  EXPECT_EQ(kind_of(record(cache_state::running)), what::usable);
  EXPECT_EQ(kind_of(record(cache_state::outdated)), what::usable);
}

TEST(mount_decision, a_pod_that_gets_the_earlier_image_is_told_why) {
  auto r = record(cache_state::extracted, errc::none, "2 GPUs: built for gfx942, this is gfx90a");
  r.resolved = digest{std::string(64, 'd')};
  r.relocated_files = 0;
  ASSERT_EQ(kind_of(r), what::usable);
  auto intent = intent_for(request(), r);
  ASSERT_EQ(intent.notes.size(), 1U);
  EXPECT_EQ(intent.notes[0].reason, "CacheOutdated");
  EXPECT_THAT(intent.notes[0].message, HasSubstr(r.resolved.str()));
  EXPECT_THAT(intent.notes[0].message, HasSubstr("built for gfx942"));
  r.reason.clear();
  EXPECT_TRUE(intent_for(request(), r).notes.empty());
}

TEST(mount_decision, waits_for_what_may_come) {
  EXPECT_EQ(kind_of(record(cache_state::pending)), what::not_yet);
  EXPECT_EQ(kind_of(fail(errc::not_found, "none")), what::not_yet);
  EXPECT_EQ(kind_of(fail(errc::io, "broken")), what::not_yet);
  EXPECT_EQ(kind_of(record(cache_state::error, errc::unavailable, "down")), what::not_yet);
  EXPECT_EQ(kind_of(record(cache_state::error, errc::unauthorized, "denied")), what::not_yet);
  EXPECT_EQ(kind_of(record(cache_state::error)), what::not_yet);
  auto empty = record(cache_state::extracted);
  empty.manifest = {};
  EXPECT_EQ(kind_of(empty), what::not_yet);
}

TEST(mount_decision, does_not_wait_for_what_waiting_cannot_help) {
  EXPECT_EQ(kind_of(fail(errc::malformed, "no record")), what::hopeless);
  EXPECT_EQ(kind_of(record(cache_state::error, errc::none, "from before kinds")), what::hopeless);
  auto judged = decide_mount(ref, record(cache_state::error, errc::incompatible, "built for 9.0"));
  ASSERT_TRUE(std::holds_alternative<hopeless>(judged));
  EXPECT_EQ(std::get<hopeless>(judged).why.code, errc::incompatible);
  EXPECT_THAT(std::get<hopeless>(judged).why.message, HasSubstr("built for 9.0"));
}

TEST(mount_decision, believes_no_record_about_another_cache) {
  auto forged = record(cache_state::extracted);
  forged.ref.ns = "other";
  auto judged = decide_mount(ref, forged);
  ASSERT_TRUE(std::holds_alternative<hopeless>(judged));
  EXPECT_EQ(std::get<hopeless>(judged).why.code, errc::malformed);
}

TEST(mount_decision, tells_the_pod_of_paths_that_stay_as_they_were) {
  auto q = request();
  auto r = intent_for(q, record(cache_state::extracted));
  ASSERT_EQ(r.notes.size(), 1u);
  EXPECT_EQ(r.notes[0].reason, "CacheNotRelocated");
  EXPECT_THAT(r.notes[0].message, HasSubstr("csi.gkm.io/mountPath"));
  EXPECT_EQ(r.view, view_kind::readonly);
  EXPECT_EQ(r.cache_files, 3u);
  q.mount_path = "/cache";
  EXPECT_TRUE(intent_for(q, record(cache_state::extracted)).notes.empty());
}

TEST(mount_decision, an_empty_view_says_why) {
  auto r = empty_intent_for(request(), {errc::incompatible, "built for 9.0", {}});
  EXPECT_EQ(r.view, view_kind::empty);
  EXPECT_TRUE(r.manifest.empty());
  ASSERT_EQ(r.notes.size(), 1u);
  EXPECT_EQ(r.notes[0].reason, "CacheIncompatible");
  EXPECT_THAT(r.notes[0].message, HasSubstr("built for 9.0"));
}

TEST(mount_decision, falls_back_for_the_caches_faults_alone) {
  auto q = request();
  for (auto code : {errc::unavailable, errc::incompatible, errc::malformed, errc::io})
    EXPECT_TRUE(may_fall_back(q, {code, {}, {}}));
  for (auto code : {errc::conflict, errc::cancelled, errc::unauthorized})
    EXPECT_FALSE(may_fall_back(q, {code, {}, {}}));
  q.fallback_empty = false;
  EXPECT_FALSE(may_fall_back(q, {errc::unavailable, {}, {}}));
}

}  // namespace gkm::csi
