#include "messages/volume.hpp"

#include <gtest/gtest.h>

namespace gkm {
namespace {

volume_record some_volume() {
  volume_record r;
  r.volume_id = "csi-1";
  r.phase = volume_phase::mounted;
  r.boot = "a-boot";
  r.target = "/var/lib/kubelet/pods/1/mount";
  r.ref = {"default", "vector-add"};
  r.manifest = digest{std::string(64, 'a')};
  r.view = view_kind::readonly;
  r.mount_path = "/cache";
  r.cache_files = 3;
  r.pod_ns = "default";
  r.pod_name = "pod";
  r.notes = {{"Reason", "text"}};
  return r;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

std::string text() { return print_volume_record(some_volume()); }

}  // namespace

TEST(volume_record, comes_back_as_it_was) { EXPECT_EQ(parse_volume_record(text()), some_volume()); }

TEST(volume_record, a_later_version_with_more_fields_is_understood) {
  auto later = replaced(text(), R"("version": 1)", R"("version": 2, "news": {"a": [1]})");
  EXPECT_EQ(parse_volume_record(later), some_volume());
}

TEST(volume_record, of_what_is_not_understood_the_core_is_read_and_counts_as_mounted) {
  for (const auto& later : {replaced(text(), R"("readonly")", R"("snapshot")"),
                            replaced(text(), R"("mounted")", R"("moving")"),
                            replaced(text(), R"("notes": [)", R"("notes": [7, )"),
                            replaced(text(), R"("view": "readonly",)", "")}) {
    auto r = parse_volume_record(later);
    ASSERT_TRUE(r) << later << r.error().message;
    EXPECT_TRUE(r->core_only);
    EXPECT_EQ(r->volume_id, some_volume().volume_id);
    EXPECT_EQ(r->boot, some_volume().boot);
    EXPECT_EQ(r->target, some_volume().target);
    EXPECT_EQ(r->ref, some_volume().ref);
    EXPECT_EQ(r->manifest, some_volume().manifest);
    EXPECT_EQ(r->phase, volume_phase::mounted);
    EXPECT_EQ(r->pod_name, "pod");
  }
}

TEST(volume_record, without_its_core_is_an_error_never_a_volume_that_uses_nothing) {
  for (const auto& broken :
       {std::string(), std::string("{}"), replaced(text(), R"("digest")", R"("content")"),
        replaced(text(), R"("boot")", R"("started")"), replaced(text(), "/var/lib", "var/lib"),
        replaced(text(), R"("version": 1)", R"("version": 0)"),
        replaced(text(), "sha256:aaa", "sha512:aaa")})
    EXPECT_FALSE(parse_volume_record(broken)) << broken;
}

TEST(volume_record, an_empty_view_names_no_digest) {
  auto cold = some_volume();
  cold.view = view_kind::empty;
  cold.manifest = {};
  EXPECT_EQ(parse_volume_record(print_volume_record(cold)), cold);
}

}  // namespace gkm
