#include "k8s/objects/object.hpp"

#include <gtest/gtest.h>

namespace gkm::k8s {
namespace {

constexpr auto full = R"({"apiVersion":"gkm.io/v1alpha1","kind":"GKMCache","metadata":{
  "name":"vector-add","namespace":"default","uid":"u-1","resourceVersion":"42","generation":3,
  "labels":{"a":"b"},"annotations":{"gkm.io/resolvedDigest":"x"},"finalizers":["gkm.io/a","gkm.io/b"],
  "creationTimestamp":"2025-11-03T09:30:00Z","deletionTimestamp":"2025-11-03T09:31:00Z",
  "managedFields":[{"manager":"kubectl"}],
  "ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"u-n","controller":true}]},
  "spec":{"image":"quay.io/x","unknown":[1,{"deep":true}]},"status":{"counts":{"nodeCnt":7}}})";

}  // namespace

TEST(object, knows_its_metadata) {
  auto o = object::parse(full);
  ASSERT_TRUE(o) << o.error().message;
  EXPECT_EQ(o->api_version(), "gkm.io/v1alpha1");
  EXPECT_EQ(o->kind(), "GKMCache");
  EXPECT_EQ(o->key(), (object_key{"default", "vector-add"}));
  EXPECT_EQ(o->uid(), "u-1");
  EXPECT_EQ(o->resource_version(), "42");
  EXPECT_EQ(o->generation(), 3);
  EXPECT_EQ(o->created_unix_s(), 1762162200);
  EXPECT_EQ(o->deleted_unix_s(), 1762162260);
  EXPECT_TRUE(o->is_deleting());
  EXPECT_EQ(o->label("a"), "b");
  EXPECT_EQ(o->labels().size(), 1u);
  EXPECT_EQ(o->annotation("gkm.io/resolvedDigest"), "x");
  EXPECT_EQ(o->finalizers(), (std::vector<std::string>{"gkm.io/a", "gkm.io/b"}));
  EXPECT_TRUE(o->has_finalizer("gkm.io/b"));
  EXPECT_FALSE(o->has_finalizer("gkm.io/c"));
  EXPECT_EQ(o->owners(), (std::vector<owner_reference>{{"v1", "Node", "n", "u-n", true}}));
  EXPECT_EQ(o->integer({"status", "counts", "nodeCnt"}), 7);
}

TEST(object, keeps_what_it_does_not_know_but_for_managed_fields) {
  auto o = object::parse(full);
  ASSERT_TRUE(o);
  auto text = o->print();
  EXPECT_NE(text.find(R"("unknown":[1,{"deep":true}])"), std::string::npos) << text;
  EXPECT_EQ(text.find("managedFields"), std::string::npos);
  auto again = object::parse(text);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->print(), text);
}

TEST(object, what_is_missing_reads_as_nothing) {
  auto o = object::parse(R"({"metadata":{"name":"x"}})");
  ASSERT_TRUE(o);
  EXPECT_EQ(o->uid(), "");
  EXPECT_FALSE(o->is_deleting());
  EXPECT_TRUE(o->finalizers().empty());
  EXPECT_EQ(o->text({"spec", "image"}), "");
  EXPECT_EQ(o->find({"metadata", "name", "deeper"}), nullptr);
  object none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.name(), "");
  EXPECT_EQ(none.print(), "null");
}

TEST(object, names_the_field_that_is_wrong) {
  struct {
    const char* text;
    const char* says;
  } cases[] = {{"[]", "the object"},
               {"{}", "metadata is missing"},
               {R"({"metadata":[]})", "metadata must"},
               {R"({"metadata":{}})", "metadata.name"},
               {R"({"metadata":{"name":7}})", "metadata.name"},
               {R"({"metadata":{"name":"x","uid":{}}})", "metadata.uid"},
               {R"({"metadata":{"name":"x","labels":[]}})", "metadata.labels"},
               {R"({"metadata":{"name":"x","labels":{"a":1}}})", "metadata.labels"},
               {R"({"metadata":{"name":"x","finalizers":[1]}})", "metadata.finalizers"},
               {R"({"metadata":{"name":"x","deletionTimestamp":"soon"}})", "deletionTimestamp"},
               {R"({"metadata":{"name":"x"})", "not valid JSON"}};
  for (const auto& c : cases) {
    auto o = object::parse(c.text);
    ASSERT_FALSE(o) << c.text;
    EXPECT_EQ(o.error().code, errc::malformed);
    EXPECT_NE(o.error().message.find(c.says), std::string::npos) << o.error().message;
  }
}

}  // namespace gkm::k8s
