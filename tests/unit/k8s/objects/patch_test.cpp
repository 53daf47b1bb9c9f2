#include "k8s/objects/patch.hpp"

#include "messages/json/json.hpp"

#include <gtest/gtest.h>

namespace gkm::k8s {
namespace {

std::string difference(const char* from, const char* to) {
  auto a = json::parse(from);
  auto b = json::parse(to);
  return merge_difference(*a, *b).value_or("none");
}

object with(const std::string& metadata) {
  return *object::parse(R"({"metadata":{"name":"x","resourceVersion":"7",)" + metadata + "}}");
}

}  // namespace

TEST(draft, makes_objects_on_the_way) {
  draft d(gkm_caches, {"ns", "x"});
  d.set({"spec", "image"}, "quay.io/x").set({"spec", "n"}, 3).set({"spec", "on"}, true);
  d.clear({"metadata", "labels", "old"});
  d.set({"spec", "list"}, std::vector<std::string>{"a", "b\xff"});
  EXPECT_EQ(d.print(),
            R"({"apiVersion":"gkm.io/v1alpha1","kind":"GKMCache","metadata":{"name":"x",)"
            R"("namespace":"ns","labels":{"old":null}},"spec":{"image":"quay.io/x","n":3,)"
            R"("on":true,"list":["a","b?"]}})");
}

TEST(draft, changes_a_copy) {
  auto o = with(R"("labels":{"a":"1","b":"2"})");
  draft d(o);
  d.set({"metadata", "labels", "a"}, "3").erase({"metadata", "labels", "b"});
  d.erase({"metadata", "missing", "deeper"});
  EXPECT_EQ(d.print(), R"({"metadata":{"name":"x","resourceVersion":"7","labels":{"a":"3"}}})");
  EXPECT_EQ(o.label("b"), "2");
}

TEST(json_patch, prints_operations_in_order) {
  json_patch p;
  EXPECT_TRUE(p.empty());
  p.test("/metadata/uid", json_text("u\"1"));
  p.add("/metadata/labels/" + pointer_part("gkm.io/a~b"), "{}").remove("/spec/x");
  EXPECT_EQ(p.print(), R"([{"op":"test","path":"/metadata/uid","value":"u\"1"},)"
                       R"({"op":"add","path":"/metadata/labels/gkm.io~1a~0b","value":{}},)"
                       R"({"op":"remove","path":"/spec/x"}])");
}

TEST(finalizers, come_and_go_with_the_version_they_were_seen_at) {
  auto o = with(R"("finalizers":["other"])");
  EXPECT_EQ(add_finalizer(o, "mine"),
            R"({"metadata":{"resourceVersion":"7","finalizers":["other","mine"]}})");
  EXPECT_EQ(add_finalizer(o, "other"), std::nullopt);
  EXPECT_EQ(remove_finalizer(o, "other"),
            R"({"metadata":{"resourceVersion":"7","finalizers":[]}})");
  EXPECT_EQ(remove_finalizer(o, "mine"), std::nullopt);
}

TEST(merge_difference, is_the_smallest_patch) {
  EXPECT_EQ(difference(R"({"a":1,"b":{"c":[1]}})", R"({"b":{"c":[1]},"a":1})"), "none");
  EXPECT_EQ(difference(R"({"a":1,"b":2})", R"({"a":1,"b":3})"), R"({"b":3})");
  EXPECT_EQ(difference(R"({"a":{"x":1,"y":2}})", R"({"a":{"y":2,"z":3}})"),
            R"({"a":{"x":null,"z":3}})");
  EXPECT_EQ(difference(R"({"a":[1,2]})", R"({"a":[1]})"), R"({"a":[1]})");
  EXPECT_EQ(difference(R"({"a":1})", R"({"a":{"b":1}})"), R"({"a":{"b":1}})");
  EXPECT_EQ(difference("{}", R"({"a":{}})"), R"({"a":{}})");
}

}  // namespace gkm::k8s
