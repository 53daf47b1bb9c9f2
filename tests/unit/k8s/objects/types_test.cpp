#include "k8s/objects/types.hpp"

#include <gtest/gtest.h>

namespace gkm::k8s {
namespace {

const std::string hex_a(64, 'a');
const std::string hex_b(64, 'b');

object parsed(const std::string& json) {
  auto o = object::parse(json);
  EXPECT_TRUE(o) << o.error().message;
  return o.value_or(object{});
}

std::string cache_json(const std::string& spec, const std::string& status = "{}") {
  return R"({"metadata":{"name":"x","namespace":"ns","uid":"u","resourceVersion":"5","generation":2,)"
         R"("finalizers":["gkm.io/f"],"annotations":{"gkm.io/resolvedDigest":"sha256:)" +
         hex_a + R"("},"labels":{"gkm.io/signature-format":"cosign-v3"}},"spec":)" + spec +
         R"(,"status":)" + status + "}";
}

cache_object_status some_status() {
  cache_object_status s;
  s.resolved = {hex_a};
  s.resolved_image = "quay.io/x@sha256:" + hex_a;
  s.conditions = {{"Ready", condition_status::no, "Pending", "waits for 2 nodes", 2, 1762162200}};
  s.counts = {3, 1, 1, 1, 4, 2};
  s.observed_generation = 2;
  s.updated_unix_s = 1762162260;
  return s;
}

node_report some_report() {
  node_report r;
  r.ns = "ns";
  r.name = r.node_name = "worker-1";
  r.counts.nodes = 1;
  r.pull_secret_key = "bW9zdGx5IGhhcm1sZXNzLCBidXQgMzIgYnl0ZXMgISE=";
  r.gpus = {{"NVIDIA H100", "570.1", {0, 1}}};
  report_entry e;
  e.compatible_gpus = {0};
  e.incompatible_gpus = {{1, false, "built for gfx90a"}, {2, false, ""}};
  e.conditions = {{"Extracted", condition_status::yes, "Extracted", "", 0, 1762162200}};
  e.updated_unix_s = 1762162200;
  e.volume_bytes = 1234;
  e.pods = {{"ns", "pod", "csi-1"}};
  e.pod_count = 40;
  r.omitted = 2;
  r.renewed_unix_s = 1762162300;
  r.caches["x"][{hex_a}] = e;
  return r;
}

/// The object that the API server makes of a merge patch on an object without a status.
std::string report_json(const std::string& patch) {
  return R"({"metadata":{"name":"worker-1","namespace":"ns"},)" + patch.substr(1);
}

}  // namespace

TEST(parse_cache, reads_all_that_we_use) {
  auto c = parse_cache(parsed(cache_json(
      R"({"image":"quay.io/x:1","imagePullSecrets":[{"name":"s"}],"nodeSelector":{"gpu":"yes"}})")));
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->ref, (cache_ref{"ns", "x"}));
  EXPECT_EQ(c->image, "quay.io/x:1");
  EXPECT_EQ(c->admitted_digest.hex, hex_a);
  EXPECT_EQ(c->signature_format, "cosign-v3");
  EXPECT_EQ(c->pull_secrets, std::vector<std::string>{"s"});
  EXPECT_EQ(c->node_selector.at("gpu"), "yes");
  EXPECT_EQ(c->object.uid, "u");
  EXPECT_EQ(c->object.resource_version, "5");
  EXPECT_EQ(c->object.generation, 2);
  EXPECT_FALSE(c->object.deleting);
  EXPECT_EQ(c->object.finalizers, std::vector<std::string>{"gkm.io/f"});
  EXPECT_EQ(c->status, cache_object_status{});
}

TEST(parse_cache, keeps_every_finalizer_as_it_is) {
  std::vector<std::string> all(100, std::string(253, 'd') + "/" + std::string(63, 'n'));
  all.emplace_back("gkm.io/in-use");
  std::string list;
  for (const auto& one : all) list += (list.empty() ? "\"" : ",\"") + one + "\"";
  auto c = parse_cache(
      parsed(R"({"metadata":{"name":"x","finalizers":[)" + list + R"(]},"spec":{"image":"i"}})"));
  ASSERT_TRUE(c);
  EXPECT_TRUE(c->object.finalizers == all);
}

TEST(parse_cache, without_a_namespace_it_is_a_cluster_cache) {
  auto c = parse_cache(parsed(R"({"metadata":{"name":"x"},"spec":{"image":"i"}})"));
  ASSERT_TRUE(c);
  EXPECT_TRUE(c->ref.is_cluster());
}

TEST(parse_cache, what_is_no_digest_is_not_trusted) {
  auto c = parse_cache(parsed(cache_json(R"({"image":"i"})", R"({"resolvedDigest":"latest"})")));
  ASSERT_TRUE(c);
  EXPECT_TRUE(c->status.resolved.empty());
}

TEST(parse_cache, names_the_field_that_is_wrong) {
  std::string many = "[";
  for (int i = 0; i < 17; ++i)
    many += std::string(i ? "," : "") + R"({"type":"T","status":"True"})";
  struct {
    std::string json;
    const char* says;
  } cases[] = {
      {R"({"metadata":{"name":"x"}})", "spec is missing"},
      {cache_json("{}"), "spec.image is missing"},
      {cache_json(R"({"image":7})"), "spec.image must be a string"},
      {cache_json(R"({"image":")" + std::string(2'000, 'i') + "\"}"), "spec.image is longer"},
      {cache_json(R"({"image":"i","nodeSelector":{"a":1}})"), "spec.nodeSelector.a must be"},
      {cache_json(R"({"image":"i"})", R"({"conditions":[{"type":"Ready","status":"yes"}]})"),
       "status.conditions[0].status is none of"},
      {cache_json(R"({"image":"i"})", R"({"conditions":)" + many + "]}"), "status.conditions has"},
      {cache_json(R"({"image":"i"})", R"({"counts":{"nodeCnt":-1}})"), "status.counts.nodeCnt"},
      {cache_json(R"({"image":"i"})", R"({"lastUpdated":"now"})"), "status.lastUpdated must be"},
      {R"({"metadata":{"name":"UPPER"},"spec":{"image":"i"}})", "UPPER"},
  };
  for (const auto& c : cases) {
    auto got = parse_cache(parsed(c.json));
    ASSERT_FALSE(got) << c.says;
    EXPECT_NE(got.error().message.find(c.says), std::string::npos) << got.error().message;
  }
  EXPECT_FALSE(parse_cache(object{}));
}

TEST(status_patch, of_a_cache_comes_back_as_it_was) {
  auto patch = status_patch(cache_object_status{}, some_status());
  ASSERT_TRUE(patch);
  auto c =
      parse_cache(parsed(cache_json(R"({"image":"i"})", patch->substr(10, patch->size() - 11))));
  ASSERT_TRUE(c) << c.error().message << *patch;
  EXPECT_EQ(c->status, some_status());
  EXPECT_EQ(status_patch(c->status, some_status()), std::nullopt);
}

TEST(status_patch, what_is_cut_on_the_way_makes_no_further_patch) {
  auto wanted = some_status();
  wanted.conditions[0].message = std::string(10'000, 'm');
  auto patch = status_patch(cache_object_status{}, wanted);
  ASSERT_TRUE(patch);
  auto c =
      parse_cache(parsed(cache_json(R"({"image":"i"})", patch->substr(10, patch->size() - 11))));
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(status_patch(c->status, wanted), std::nullopt);
}

TEST(status_patch, of_a_cache_says_only_what_changed) {
  auto wanted = some_status();
  wanted.counts.pods_running = 5;
  EXPECT_EQ(status_patch(some_status(), wanted), R"({"status":{"counts":{"podRunningCnt":5}}})");
  wanted = some_status();
  wanted.resolved_image.clear();
  EXPECT_EQ(status_patch(some_status(), wanted), R"({"status":{"resolvedImage":null}})");
}

TEST(status_patch, of_a_report_comes_back_as_it_was) {
  auto patch = status_patch(node_report{}, some_report());
  ASSERT_TRUE(patch);
  auto r = parse_node_report(parsed(report_json(*patch)));
  ASSERT_TRUE(r) << r.error().message << *patch;
  EXPECT_EQ(*r, some_report());
  EXPECT_EQ(status_patch(*r, some_report()), std::nullopt);
}

TEST(status_patch, of_a_report_removes_what_is_gone) {
  auto wanted = some_report();
  auto entry = wanted.caches["x"].extract({hex_a});
  entry.key() = {hex_b};
  entry.mapped().pods.clear();
  wanted.caches["x"].insert(std::move(entry));
  auto patch = status_patch(some_report(), wanted);
  ASSERT_TRUE(patch);
  EXPECT_NE(patch->find("\"sha256:" + hex_a + "\":null"), std::string::npos) << *patch;
  wanted.caches.clear();
  EXPECT_EQ(status_patch(some_report(), wanted), R"({"status":{"caches":null}})");
}

TEST(parse_node_report, passes_over_what_is_no_cache_and_no_digest) {
  auto r = parse_node_report(
      parsed(R"({"metadata":{"name":"n"},"status":{"nodeName":"n","caches":{"UPPER":{"sha256:)" +
             hex_a + R"(":{}},"x":{"latest":{},"sha256:)" + hex_a + R"(":{"volumeSize":9}}}}})"));
  ASSERT_TRUE(r) << r.error().message;
  ASSERT_EQ(r->caches.size(), 1u);
  EXPECT_EQ(r->caches["x"].at({hex_a}).volume_bytes, 9u);
}

// Else a report of some hundred kilobytes would have each reason copied once for each time that its
// GPU is named.
TEST(parse_node_report, takes_each_gpu_once) {
  auto r = parse_node_report(parsed(
      R"({"metadata":{"name":"n"},"status":{"caches":{"x":{"sha256:)" + hex_a +
      R"(":{"incompatibleGPUs":[7,3,7,7],"incompatibilityReasons":[{"id":7,"reason":"first"},)"
      R"({"id":7,"reason":"last"},{"id":5,"reason":"of no GPU"}]}}}}})"));
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(r->caches["x"].at({hex_a}).incompatible_gpus,
            (std::vector<gpu_verdict>{{7, false, "last"}, {3, false, ""}}));
}

TEST(parse_node_report, is_bounded) {
  std::string digests;
  for (int i = 0; i < 65; ++i) {
    auto n = std::to_string(100 + i);
    digests += (i ? ",\"sha256:" : "\"sha256:") + n + std::string(61, '0') + "\":{}";
  }
  auto r = parse_node_report(
      parsed(R"({"metadata":{"name":"n"},"status":{"caches":{"x":{)" + digests + "}}}}"));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::limit_exceeded);
  EXPECT_NE(r.error().message.find("status.caches.x has more"), std::string::npos);
}

TEST(new_node_report, is_owned_by_its_node) {
  EXPECT_EQ(
      new_node_report(some_report(), {"v1", "Node", "worker-1", "u-n"}),
      R"({"apiVersion":"gkm.io/v1alpha1","kind":"GKMCacheNode","metadata":{"name":"worker-1",)"
      R"("namespace":"ns","labels":{"kubernetes.io/hostname":"worker-1"},"ownerReferences":[)"
      R"({"apiVersion":"v1","kind":"Node","name":"worker-1","uid":"u-n"}]}})");
}

}  // namespace gkm::k8s
