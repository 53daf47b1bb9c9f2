/// messages/limits.hpp and messages/names.hpp against deploy/: what GKM writes is admitted, and
/// what manifests name is what programs look for.
#include "messages/limits.hpp"
#include "messages/names.hpp"
#include "tests/support/build_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace gkm {
namespace {

namespace fs = std::filesystem;

/// A dot leads to a property, "[]" to the items of a list, "{}" to the values of a map.
YAML::Node schema_at(const std::string& crd, const std::string& path) {
  auto file = YAML::LoadFile(support::source_tree() / "deploy/crd" / crd);
  auto at = YAML::Clone(file["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
  std::istringstream parts(path);
  for (std::string part; std::getline(parts, part, '.');) {
    if (part == "[]")
      at.reset(at["items"]);
    else if (part == "{}")
      at.reset(at["additionalProperties"]);
    else
      at.reset(at["properties"][part]);
    if (!at) return at;
  }
  return at;
}

struct limit {
  const char* path;
  const char* keyword;
  size_t ours;
};

void expect_admitted(const std::string& crd, const std::vector<limit>& limits) {
  for (const auto& l : limits) {
    auto at = schema_at(crd, l.path);
    ASSERT_TRUE(at && at[l.keyword]) << crd << " has no " << l.keyword << " at " << l.path;
    EXPECT_LE(l.ours, at[l.keyword].as<size_t>()) << crd << ": " << l.path;
  }
}

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace

TEST(crd_limits, admit_the_status_that_the_operator_writes) {
  for (const auto* crd : {"gkmcaches.yaml", "clustergkmcaches.yaml"})
    expect_admitted(crd, {{"status.resolvedImage", "maxLength", limits::image_chars},
                          {"status.conditions", "maxItems", limits::conditions},
                          {"status.conditions.[].type", "maxLength", limits::name_chars},
                          {"status.conditions.[].reason", "maxLength", limits::reason_chars},
                          {"status.conditions.[].message", "maxLength", limits::message_chars}});
}

TEST(crd_limits, are_those_of_the_spec_that_the_operator_reads) {
  for (const auto* crd : {"gkmcaches.yaml", "clustergkmcaches.yaml"}) {
    EXPECT_EQ(schema_at(crd, "spec.imagePullSecrets")["maxItems"].as<size_t>(),
              limits::pull_secrets);
    EXPECT_EQ(schema_at(crd, "spec.nodeSelector")["maxProperties"].as<size_t>(), limits::selectors);
    EXPECT_LE(schema_at(crd, "spec.image")["maxLength"].as<size_t>(), limits::image_chars);
  }
}

TEST(crd_limits, admit_the_reports_that_agents_write) {
  for (const auto* crd : {"gkmcachenodes.yaml", "clustergkmcachenodes.yaml"})
    expect_admitted(
        crd, {{"status.pullSecretKey", "maxLength", limits::key_chars},
              {"status.gpus", "maxItems", limits::gpu_groups},
              {"status.gpus.[].ids", "maxItems", limits::gpus},
              {"status.caches", "maxProperties", limits::caches},
              {"status.caches.{}", "maxProperties", limits::digests},
              {"status.caches.{}.{}.compatibleGPUs", "maxItems", limits::gpus},
              {"status.caches.{}.{}.incompatibilityReasons.[].reason", "maxLength",
               limits::reason_chars},
              {"status.caches.{}.{}.conditions", "maxItems", limits::conditions},
              {"status.caches.{}.{}.conditions.[].message", "maxLength", limits::message_chars},
              {"status.caches.{}.{}.pods", "maxItems", limits::pods}});
}

TEST(names, are_those_of_the_manifests) {
  std::string all;
  for (const auto& file : fs::recursive_directory_iterator(support::source_tree() / "deploy"))
    if (file.path().extension() == ".yaml") all += text_of(file.path());
  for (const auto* name : {names::csi_driver, names::system_namespace, names::config_map,
                           names::gkm_operator, names::webhook_service, names::webhook_certificates,
                           names::agent_daemon, names::csi_daemon})
    EXPECT_THAT(
        all, testing::ContainsRegex("(name|namespace|resourceNames|serviceAccountName|csi-name): "
                                    "\\[?\"?" +
                                    std::string(name) + "\"?\\]?\n"))
        << name;
  EXPECT_THAT(all, testing::HasSubstr(names::resolved_digest_annotation));
}

TEST(names, of_attributes_are_of_the_driver_or_kubelet) {
  EXPECT_EQ(std::string(attribute::prefix), std::string(names::csi_driver) + "/");
  for (const auto* own : {attribute::cache, attribute::ns, attribute::wait, attribute::fallback,
                          attribute::view, attribute::mount_path, attribute::scratch_size})
    EXPECT_TRUE(std::string_view(own).starts_with(attribute::prefix)) << own;
}

}  // namespace gkm
