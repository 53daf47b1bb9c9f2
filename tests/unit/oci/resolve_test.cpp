#include "oci/resolve.hpp"

#include "images.hpp"

#include <gtest/gtest.h>

namespace gkm::oci {
namespace {

using namespace test;

const image_ref tagged{"quay.io", "gkm/x", "t", {}};

target_filter wants(const std::string& arch) {
  return [arch](const std::vector<target>& targets) {
    return std::any_of(targets.begin(), targets.end(),
                       [&](const target& t) { return t.arch == arch; });
  };
}

std::string on(const std::string& architecture, const std::string& os = "linux") {
  return R"(,"platform":{"os":")" + os + R"(","architecture":")" + architecture + "\"}";
}

std::string claiming(const std::string& arch) {
  return R"(,"annotations":{)" + summary_label("cuda", arch) + "}";
}

std::string entry(const std::string& manifest, const std::string& extra = "") {
  return descriptor_of(manifest, manifest_type, extra);
}

digest digest_of(const std::string& bytes) { return base::sha256::of(bytes); }

TEST(resolve, reads_a_single_manifest_whatever_it_is_for) {
  memory_source from;
  auto image = from.add_image("layer", summary_label("cuda", "75"));
  from.tag("t", image);
  auto got = resolve(from, tagged, wants("90"), {});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->resolved, digest_of(image));
  EXPECT_EQ(got->manifest_digest, digest_of(image));
  EXPECT_EQ(got->layer_bytes, 5U);
  EXPECT_EQ(got->ref, tagged);
  ASSERT_EQ(got->hints.targets.size(), 1U);
  EXPECT_EQ(got->hints.targets[0].arch, "75");
  EXPECT_EQ(from.manifests_asked, 1U);
}

TEST(resolve, checks_the_config) {
  memory_source from;
  auto two_ids = R"({"rootfs":{"diff_ids":[)" + ("\"" + digest_of("a").str() + "\",") + "\"" +
                 digest_of("b").str() + "\"]}}";
  from.tag("t", manifest_json(from.add(two_ids), from.add("layer")));
  auto got = resolve(from, tagged, {}, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::malformed);
  EXPECT_NE(got.error().message.find("diff_ids"), std::string::npos);
  from.tag("t",
           manifest_json(from.add("{}"), from.add("layer"), "application/vnd.oci.empty.v1+json"));
  EXPECT_TRUE(resolve(from, tagged, {}, {}));
  auto config = config_json("layer", "");
  from.tag("t", manifest_json(config, "layer"));
  from.blobs[digest_of(config).str()] = "liar";
  EXPECT_EQ(resolve(from, tagged, {}, {}).error().code, errc::corrupt);
  from.blobs.erase(digest_of(config).str());
  EXPECT_EQ(resolve(from, tagged, {}, {}).error().code, errc::not_found);
}

TEST(resolve, never_believes_a_source_about_a_digest) {
  memory_source from;
  auto image = from.add_image("layer", "");
  auto pinned = tagged;
  pinned.pinned = digest_of(image);
  ASSERT_TRUE(resolve(from, pinned, {}, {}));
  from.blobs[digest_of(image).str()] = from.add_image("evil", "");
  EXPECT_EQ(resolve(from, pinned, {}, {}).error().code, errc::corrupt);
}

class resolve_index : public testing::Test {
protected:
  std::string here_ = host_platform().architecture;
  std::string other_ = here_ == "amd64" ? "arm64" : "amd64";
  memory_source from_;
  std::string image75_ = from_.add_image("layer 75", summary_label("cuda", "75"));
  std::string image90_ = from_.add_image("layer 90", summary_label("cuda", "90"));
  std::string silent_ = from_.add_image("layer", "");

  result<resolved_image> pick(const std::vector<std::string>& entries, const target_filter& fits) {
    from_.tag("t", index_json(entries));
    return resolve(from_, tagged, fits, {});
  }
  void expect(const result<resolved_image>& got, const std::string& manifest) {
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->manifest_digest, digest_of(manifest));
    EXPECT_EQ(got->resolved, digest_of(from_.tags["t"]));
    EXPECT_EQ(got->ref, tagged);
  }
};

TEST_F(resolve_index, takes_the_first_that_fits) {
  expect(pick({entry(image75_), entry(image90_)}, wants("90")), image90_);
  expect(pick({entry(silent_), entry(image90_)}, wants("90")), image90_);
  expect(pick({entry(image75_), entry(silent_)}, wants("90")), silent_);
  expect(pick({entry(image75_), entry(image90_)}, {}), image75_);
}

TEST_F(resolve_index, says_what_is_on_offer_if_nothing_fits) {
  auto got = pick({entry(image75_), entry(image90_)}, wants("80"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::incompatible);
  EXPECT_NE(got.error().message.find("cuda 75"), std::string::npos) << got.error().message;
  EXPECT_NE(got.error().message.find("cuda 90"), std::string::npos) << got.error().message;
  auto empty = pick({}, {});
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, errc::incompatible);
}

TEST_F(resolve_index, leaves_out_other_platforms_and_attestations) {
  expect(pick({entry(image75_, on(other_)), entry(image90_, on(here_))}, {}), image90_);
  expect(pick({entry(image75_, on(here_, "windows")), entry(silent_)}, {}), silent_);
  expect(pick({entry(image75_, on("unknown", "unknown")), entry(silent_)}, {}), silent_);
  expect(pick({entry(image75_,
                     R"(,"annotations":{"vnd.docker.reference.type":"attestation-manifest"})"),
               entry(silent_)},
              {}),
         silent_);
  auto got = pick({entry(image75_, on(other_))}, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::incompatible);
  EXPECT_NE(got.error().message.find("linux/" + other_), std::string::npos) << got.error().message;
}

TEST_F(resolve_index, judges_an_image_alone_by_the_same_platform) {
  auto config = R"({"os":"linux","architecture":")" + other_ + R"("})";
  auto foreign = from_.add(manifest_json(from_.add(config), from_.add("layer f")));
  from_.tag("t", foreign);
  auto alone = resolve(from_, tagged, {}, {});
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, errc::incompatible);
  EXPECT_NE(alone.error().message.find("linux/" + other_), std::string::npos)
      << alone.error().message;
  EXPECT_EQ(pick({entry(foreign)}, {}).error().code, errc::incompatible);
  expect(pick({entry(foreign), entry(silent_)}, {}), silent_);
  // As oras writes it.
  from_.tag("t", manifest_json(from_.add(R"({"os":"linux"})"), from_.add("layer g")));
  EXPECT_TRUE(resolve(from_, tagged, {}, {}));
}

TEST_F(resolve_index, passes_over_what_is_no_image) {
  auto helm = from_.add(manifest_json(from_.add(R"({"name":"chart"})"), from_.add("chart"),
                                      "application/vnd.cncf.helm.config.v1+json",
                                      "application/vnd.cncf.helm.chart.content.v1.tar+gzip"));
  auto sbom =
      from_.add(manifest_json(from_.add("{}"), from_.add("{ }"),
                              "application/vnd.oci.empty.v1+json", "application/spdx+json"));
  auto broken = from_.add(R"({"schemaVersion":2,"layers":[]})");
  for (const auto& other : {helm, sbom, broken}) {
    expect(pick({entry(other), entry(silent_)}, wants("90")), silent_);
    expect(pick({entry(silent_), entry(other)}, wants("90")), silent_);
    expect(pick({entry(other), entry(silent_)}, {}), silent_);
  }
}

TEST_F(resolve_index, passes_over_entries_with_digests_of_another_algorithm) {
  auto foreign = R"({"mediaType":")" + std::string(manifest_type) + R"(","digest":"sha512:)" +
                 std::string(128, 'a') + R"(","size":7})";
  expect(pick({foreign, entry(silent_)}, {}), silent_);
  auto nonsense =
      R"({"mediaType":")" + std::string(manifest_type) + R"(","digest":"sha256:short","size":7})";
  EXPECT_EQ(pick({nonsense, entry(silent_)}, {}).error().code, errc::malformed);
}

TEST_F(resolve_index, needs_no_request_where_the_index_says_enough) {
  expect(pick({entry(image75_, claiming("75")), entry(image90_, claiming("90"))}, wants("90")),
         image90_);
  EXPECT_EQ(from_.manifests_asked, 2U);
  auto got = pick({entry(image75_, claiming("75"))}, wants("90"));
  EXPECT_EQ(got.error().code, errc::incompatible);
  EXPECT_EQ(from_.manifests_asked, 3U);
}

TEST_F(resolve_index, does_not_decline_what_it_cannot_read) {
  auto wrong = from_.add_image("layer w", summary_label("cuda", "sm_12.9"));
  expect(pick({entry(image75_), entry(wrong)}, wants("120")), wrong);
}

TEST_F(resolve_index, passes_over_what_the_source_does_not_have) {
  auto missing = manifest_json("{}", "never added");
  expect(pick({entry(missing), entry(silent_)}, {}), silent_);
  EXPECT_EQ(pick({entry(missing)}, {}).error().code, errc::not_found);
}

TEST_F(resolve_index, goes_one_level_deep_and_no_further) {
  auto inner = from_.add(index_json({entry(image90_)}));
  auto nested = descriptor_of(inner, index_type);
  expect(pick({nested}, wants("90")), image90_);
  auto deeper = from_.add(index_json({nested}));
  EXPECT_FALSE(pick({descriptor_of(deeper, index_type)}, wants("90")));
}

TEST_F(resolve_index, looks_at_32_candidates_at_most) {
  std::vector<std::string> entries;
  for (int i = 0; i < 40; ++i)
    entries.push_back(
        entry(from_.add_image("layer " + std::to_string(i), summary_label("cuda", "75"))));
  entries.push_back(entry(image90_));
  EXPECT_EQ(pick(entries, wants("90")).error().code, errc::incompatible);
  EXPECT_EQ(from_.manifests_asked, 33U);
}

}  // namespace
}  // namespace gkm::oci
