#include "actors/node/origins.hpp"

#include <gtest/gtest.h>

namespace gkm::node {
namespace {

using standing = origins::standing;

image_plan plan(const char* image, std::vector<std::string> secrets = {}, char fill = 'a') {
  image_plan p;
  p.image = *image_ref::parse(image);
  p.manifest = digest{std::string(64, fill)};
  p.pull_secrets = std::move(secrets);
  return p;
}

}  // namespace

TEST(origins, a_repository_is_known_by_what_was_pulled_from_it) {
  origins o;
  EXPECT_EQ(o.of(plan("r.example/x:1")), standing::unknown);
  o.proved(plan("r.example/x:1", {"a/one"}));
  EXPECT_EQ(o.of(plan("r.example/x:1", {"a/one"})), standing::proven);
  EXPECT_EQ(o.of(plan("r.example/x:2", {"a/one"})), standing::proven) << "the tag says nothing";
  EXPECT_EQ(o.of(plan("r.example/x:1", {"b/one"})), standing::known);
  EXPECT_EQ(o.of(plan("r.example/x:1")), standing::known) << "anonymous is a login, too";
  EXPECT_EQ(o.of(plan("r.example/y:1", {"a/one"})), standing::unknown);
  EXPECT_EQ(o.of(plan("s.example/x:1", {"a/one"})), standing::unknown);
  EXPECT_EQ(o.of(plan("r.example/x:1", {"a/one"}, 'b')), standing::unknown);
}

TEST(origins, a_record_says_nothing_of_logins) {
  origins o;
  o.recorded(plan("r.example/x:1").manifest, *image_ref::parse("r.example/x:1"));
  EXPECT_EQ(o.of(plan("r.example/x:1")), standing::known);
  o.proved(plan("r.example/x:1"));
  o.recorded(plan("r.example/x:1").manifest, *image_ref::parse("r.example/x:1"));
  EXPECT_EQ(o.of(plan("r.example/x:1")), standing::proven);
}

TEST(origins, a_layout_is_read_as_a_file) {
  EXPECT_EQ(origins().of(plan("oci:/some/dir:1")), standing::proven);
}

TEST(origins, too_many_are_forgotten) {
  origins o;
  o.proved(plan("r.example/x:1"));
  for (size_t i = 0; i < origins_max; ++i)
    o.proved(plan("s.example/x:1", {"ns/" + std::to_string(i)}));
  EXPECT_EQ(o.of(plan("r.example/x:1")), standing::unknown);
  EXPECT_EQ(o.of(plan("s.example/x:1", {"ns/" + std::to_string(origins_max - 1)})),
            standing::proven);
}

}  // namespace gkm::node
