/// Tests of all of GKM together: operator, admission, agents, gkm-csi, a registry. They share one
/// whole_cluster with two nodes; each has a namespace of its own.
#pragma once

#include "tests/support/kube/whole_cluster.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <vector>

namespace gkm::support {

class whole_test : public testing::Test {
protected:
  static constexpr std::chrono::seconds patience{60};
  static constexpr auto reason = R"({.status.conditions[?(@.type=="Ready")].reason})";
  static constexpr auto message = R"({.status.conditions[?(@.type=="Ready")].message})";

  void SetUp() override {
    if (auto why = whole_cluster::missing()) GTEST_SKIP() << *why;
    ns_ = "whole-" + std::to_string(++tests_);
    make_namespace(cluster().server(), ns_);
  }

  static whole_cluster& cluster() {
    static whole_cluster one;
    static bool grown = (one.add_node("worker-1").start(), one.add_node("worker-2").start(), true);
    EXPECT_TRUE(grown);
    return one;
  }
  static const kubectl& admin() { return cluster().admin(); }
  static cluster_node& one() { return cluster().node("worker-1"); }
  static cluster_node& two() { return cluster().node("worker-2"); }

  cache_ref ref(const std::string& name) const { return {ns_, name}; }
  cache_pod pod(const std::string& name, const cache_ref& cache) const {
    return {ns_, name, cache};
  }
  /// An image that differs from others by its filler.
  static cache_image image(size_t filler_bytes) {
    return cache_image().layer(kernel_layer(0x3f, filler_bytes).finished(), packing::plain);
  }
  /// Under this tag in the test's own repository.
  std::string push(const std::string& tag, const cache_image& what) {
    return cluster().push(ns_ + "/cache:" + tag, what);
  }

  static std::string yaml(const cache_ref& ref, const std::string& image,
                          const std::string& labels = "") {
    auto place = ref.is_cluster() ? "" : ", namespace: " + ref.ns;
    if (!labels.empty()) place += ", labels: {" + labels + "}";
    return "{apiVersion: gkm.io/v1alpha1, kind: " + std::string(ref.kind()) +
           ", metadata: {name: " + ref.name + place + "}, spec: {image: '" + image + "'}}\n---\n";
  }
  /// The words of a kubectl command about one cache.
  static std::vector<std::string> about(const cache_ref& ref, std::vector<std::string> before,
                                        const std::vector<std::string>& after = {}) {
    before.insert(before.end(), {ref.is_cluster() ? "clustergkmcache" : "gkmcache", ref.name});
    if (!ref.is_cluster()) before.insert(before.end(), {"-n", ref.ns});
    before.insert(before.end(), after.begin(), after.end());
    return before;
  }
  static std::string field(const cache_ref& ref, const std::string& path) {
    return admin().ask(about(ref, {"get"}, {"-o", "jsonpath=" + path})).out;
  }
  static bool becomes(const cache_ref& ref, const std::string& path, const std::string& value) {
    bool is_so = eventually(
        ref.str() + ": " + path + " is '" + value + "'", [&] { return field(ref, path) == value; },
        patience);
    if (!is_so) ADD_FAILURE() << field(ref, "{}");
    return is_so;
  }
  static bool is_there(const cache_ref& ref) { return !field(ref, "{.metadata.uid}").empty(); }
  static void ask_to_delete(const cache_ref& ref) {
    admin().run(about(ref, {"delete"}, {"--wait=false"}));
  }
  static bool is_gone(const cache_ref& ref) {
    bool so = eventually(
        ref.str() + " is gone", [&] { return !is_there(ref); }, patience);
    if (!so) ADD_FAILURE() << field(ref, "{}");
    return so;
  }
  /// Nothing of any cache on any node, nor in any report.
  void expect_nothing_left() {
    for (auto* node : {&one(), &two()}) {
      EXPECT_TRUE(eventually("the store of " + node->name() + " is empty",
                             [&] { return node->stored().empty(); }));
      EXPECT_EQ(node->mounts(), 0U);
    }
    EXPECT_TRUE(eventually("the namespace has no report", [&] {
      return admin().run({"get", "gkmcachenodes", "-n", ns_, "-o", "name"}).empty();
    }));
    EXPECT_EQ(
        admin().run({"get", "clustergkmcachenodes", "-o", "jsonpath={.items[*].status.caches}"}),
        "");
  }

  std::string ns_;

private:
  static inline int tests_ = 0;
};

}  // namespace gkm::support
