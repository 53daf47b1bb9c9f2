#include "oci/manifest.hpp"

#include <gtest/gtest.h>

namespace gkm::oci {
namespace {

const std::string digest_a = "sha256:" + std::string(64, 'a');

std::string descriptor_json(const std::string& extra = "", const std::string& size = "7") {
  return R"({"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":")" + digest_a +
         R"(","size":)" + size + extra + "}";
}

std::string manifest_json(const std::string& layers, const std::string& extra = "") {
  return R"({"schemaVersion":2,"config":)" + descriptor_json() + R"(,"layers":)" + layers + extra +
         "}";
}

TEST(manifest, reads_what_matters) {
  auto m = parse_manifest(manifest_json(
      "[" + descriptor_json(R"(,"annotations":{"k":"v"},"urls":["http://evil.example/x"])") + "]",
      R"(,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"a/b",
          "annotations":{"cache.triton.image/variant":"compat"},"unknown":[1,{"x":null}])"));
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->media_type, "application/vnd.oci.image.manifest.v1+json");
  EXPECT_EQ(m->artifact_type, "a/b");
  ASSERT_EQ(m->layers.size(), 1U);
  EXPECT_EQ(m->layers[0].content.str(), digest_a);
  EXPECT_EQ(m->layers[0].size_bytes, 7U);
  EXPECT_EQ(m->layers[0].annotations.at("k"), "v");
  EXPECT_EQ(m->annotations.at("cache.triton.image/variant"), "compat");
}

TEST(manifest, takes_the_last_of_duplicates_and_null_for_absent) {
  auto m = parse_manifest(
      manifest_json("[]", R"(,"artifactType":"one","artifactType":"two","annotations":null)"));
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->artifact_type, "two");
}

struct bad {
  std::string json;
  std::string says;
};

TEST(manifest, refuses_what_is_not_one) {
  std::string many = "[";
  for (size_t i = 0; i <= max_layers; ++i) many += (i ? "," : "") + descriptor_json();
  many += "]";
  const bad cases[] = {
      {"", "not valid JSON"},
      {"[]", "not a JSON object"},
      {"{\"schemaVersion\":2", "not valid JSON"},
      {manifest_json("[]") + "x", "not valid JSON"},
      {"{}", "schemaVersion"},
      {R"({"schemaVersion":1,"fsLayers":[]})", "schema 1"},
      {R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v1+prettyjws"})",
       "schema 1"},
      {R"({"schemaVersion":"2"})", "schemaVersion"},
      {R"({"schemaVersion":2})", "config"},
      {R"({"schemaVersion":2,"config":)" + descriptor_json() + "}", "layers"},
      {manifest_json("{}"), "layers"},
      {manifest_json("[1]"), "layers[0]"},
      {manifest_json("[" + descriptor_json("", "-1") + "]"), "layers[0].size"},
      {manifest_json("[" + descriptor_json("", "1.5") + "]"), "layers[0].size"},
      {manifest_json("[" + descriptor_json("", "\"7\"") + "]"), "layers[0].size"},
      {manifest_json("[" + descriptor_json("", "1e30") + "]"), "layers[0].size"},
      {manifest_json(R"([{"mediaType":"x","size":1,"digest":"sha256:zz"}])"), "layers[0].digest"},
      {manifest_json(R"([{"mediaType":"x","size":1,"digest":"md5:00"}])"), "layers[0].digest"},
      {manifest_json(R"([{"mediaType":"x","size":1}])"), "layers[0].digest"},
      {manifest_json(R"([{"size":1,"digest":"sha256:zz"}])"), "layers[0].mediaType"},
      {manifest_json("[" + descriptor_json(R"(,"annotations":{"a":1})") + "]"), "annotations"},
      {manifest_json("[]", R"(,"mediaType":"application/vnd.oci.image.index.v1+json")"),
       "mediaType"},
      {manifest_json("[]", R"(,"mediaType":7)"), "mediaType"},
      {manifest_json("[]", R"(,"manifests":[])"), "manifests"},
      {manifest_json("[]", ",\"artifactType\":\"\xff\""), "not valid JSON"},
      {manifest_json("[]", ",\"x\":" + std::string(5000, '[') + std::string(5000, ']')), "deep"},
  };
  for (const auto& c : cases) {
    auto got = parse_manifest(c.json);
    ASSERT_FALSE(got) << c.json.substr(0, 200);
    EXPECT_EQ(got.error().code, errc::malformed) << got.error().message;
    EXPECT_NE(got.error().message.find(c.says), std::string::npos) << got.error().message;
  }
  auto too_many = parse_manifest(manifest_json(many));
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().code, errc::limit_exceeded);
  std::string zeros = "{\"x\":[0";
  while (zeros.size() < max_manifest_bytes / 2) zeros += ",0";
  auto too_bulky = parse_manifest(zeros + "]}");
  ASSERT_FALSE(too_bulky);
  EXPECT_EQ(too_bulky.error().code, errc::limit_exceeded)
      << "it is valid, and large once it is read";
  auto too_big =
      parse_manifest(manifest_json("[" + descriptor_json("", "9223372036854775807") + "]"));
  ASSERT_FALSE(too_big);
  EXPECT_EQ(too_big.error().code, errc::limit_exceeded);
}

TEST(manifest, survives_any_truncation) {
  auto whole = manifest_json("[" + descriptor_json(R"(,"annotations":{"k":"\u00e9"})") + "]");
  ASSERT_TRUE(parse_manifest(whole));
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_manifest(whole.substr(0, n))) << n;
}

TEST(index, reads_entries_and_platforms) {
  auto got = parse_index(
      R"({"schemaVersion":2,"manifests":[)" +
      descriptor_json(R"(,"platform":{"os":"linux","architecture":"arm64","variant":"v8"})") + "," +
      descriptor_json() + R"(],"annotations":{"a":"b"}})");
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_EQ(got->entries.size(), 2U);
  ASSERT_TRUE(got->entries[0].runs_on);
  EXPECT_EQ(got->entries[0].runs_on->architecture, "arm64");
  EXPECT_EQ(got->entries[0].runs_on->variant, "v8");
  EXPECT_FALSE(got->entries[1].runs_on);
  EXPECT_EQ(got->annotations.at("a"), "b");
}

TEST(index, refuses_what_is_not_one) {
  for (std::string json :
       {std::string(R"({"schemaVersion":2})"), std::string(R"({"schemaVersion":2,"manifests":{}})"),
        std::string(R"({"schemaVersion":2,"manifests":[{}]})"),
        std::string(R"({"schemaVersion":2,"manifests":[],"layers":[]})"),
        R"({"schemaVersion":2,"manifests":[)" + descriptor_json(R"(,"platform":"linux")") + "]}"}) {
    auto got = parse_index(json);
    ASSERT_FALSE(got) << json;
    EXPECT_EQ(got.error().code, errc::malformed);
  }
  std::string many = R"({"schemaVersion":2,"manifests":[)";
  for (size_t i = 0; i <= max_index_entries; ++i) many += (i ? "," : "") + descriptor_json();
  auto got = parse_index(many + "]}");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::limit_exceeded);
}

TEST(index, is_told_from_a_manifest) {
  const std::string oci_index = "application/vnd.oci.image.index.v1+json";
  const std::string oci_manifest = "application/vnd.oci.image.manifest.v1+json";
  EXPECT_TRUE(*is_index(R"({"mediaType":")" + oci_index + R"(","layers":[]})", oci_manifest));
  EXPECT_FALSE(*is_index(R"({"mediaType":")" + oci_manifest + R"("})", oci_index));
  EXPECT_TRUE(*is_index(R"({"manifests":[]})", oci_manifest));
  EXPECT_FALSE(*is_index(R"({"layers":[]})", oci_index));
  EXPECT_TRUE(*is_index("{}", oci_index));
  EXPECT_FALSE(*is_index("{}", oci_manifest));
  EXPECT_FALSE(is_index("{}", "text/html"));
  EXPECT_FALSE(is_index(R"({"mediaType":"a/b"})", oci_index));
  auto old = is_index(R"({"schemaVersion":1,"fsLayers":[]})", "");
  ASSERT_FALSE(old);
  EXPECT_NE(old.error().message.find("schema 1"), std::string::npos);
}

TEST(image_config, reads_labels_and_diff_ids) {
  auto got = parse_image_config(
      R"({"os":"linux","architecture":"amd64","config":{"Labels":{"a":"b","n":null},"Env":["x"]},
          "rootfs":{"type":"layers","diff_ids":[")" +
      digest_a + R"("]}})");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->runs_on.architecture, "amd64");
  EXPECT_EQ(got->labels.at("a"), "b");
  ASSERT_EQ(got->diff_ids.size(), 1U);
  EXPECT_EQ(got->diff_ids[0].str(), digest_a);
  EXPECT_TRUE(parse_image_config("{}"));
  EXPECT_TRUE(parse_image_config(R"({"config":{"Labels":null},"rootfs":null})"));
  for (std::string json : {R"({"config":[]})", R"({"config":{"Labels":[]}})", R"({"os":1})",
                           R"({"config":{"Labels":{"a":{}}}})", R"({"rootfs":{"diff_ids":[1]}})",
                           R"({"rootfs":{"diff_ids":["x"]}})", R"({"rootfs":{"diff_ids":{}}})"})
    EXPECT_FALSE(parse_image_config(json)) << json;
}

TEST(accepted_manifest_types, names_all_four) {
  for (std::string type : {"application/vnd.oci.image.manifest.v1+json",
                           "application/vnd.docker.distribution.manifest.v2+json",
                           "application/vnd.oci.image.index.v1+json",
                           "application/vnd.docker.distribution.manifest.list.v2+json"})
    EXPECT_NE(accepted_manifest_types().find(type), std::string::npos);
}

}  // namespace
}  // namespace gkm::oci
