#include "messages/image_ref.hpp"

#include <gtest/gtest.h>

namespace gkm {
namespace {

const std::string hex64(64, 'a');
const std::string pinned = "sha256:" + hex64;

struct good {
  std::string text;
  image_ref expected;
};

image_ref ref(std::string host, std::string repository, std::string tag, std::string hex = "") {
  return {std::move(host), std::move(repository), std::move(tag), digest{std::move(hex)}};
}

TEST(image_ref, accepts_the_reference_grammar) {
  const good cases[] = {
      {"ubuntu", ref("docker.io", "library/ubuntu", "latest")},
      {"ubuntu:22.04", ref("docker.io", "library/ubuntu", "22.04")},
      {"gkm/cache", ref("docker.io", "gkm/cache", "latest")},
      {"docker.io/ubuntu", ref("docker.io", "library/ubuntu", "latest")},
      {"index.docker.io/gkm/cache:1", ref("docker.io", "gkm/cache", "1")},
      {"quay.io/gkm/cache-examples:vector-add-cache-rocm",
       ref("quay.io", "gkm/cache-examples", "vector-add-cache-rocm")},
      {"docker://quay.io/gkm/x:t", ref("quay.io", "gkm/x", "t")},
      {"QUAY.io/gkm/x:T", ref("quay.io", "gkm/x", "T")},
      {"localhost/x", ref("localhost", "x", "latest")},
      {"localhost:5000/x/y:1", ref("localhost:5000", "x/y", "1")},
      {"127.0.0.1:5000/x@" + pinned, ref("127.0.0.1:5000", "x", "", hex64)},
      {"[::1]:5000/x:t@" + pinned, ref("[::1]:5000", "x", "t", hex64)},
      {"[fe80::1]/x", ref("[fe80::1]", "x", "latest")},
      {"a.b/c__d/e.f/g---h_i", ref("a.b", "c__d/e.f/g---h_i", "latest")},
      {"localhost:5000", ref("docker.io", "library/localhost", "5000")},
      {"quay.io/x:" + std::string(128, 'T'), ref("quay.io", "x", std::string(128, 'T'))},
      {"quay.io/" + std::string(255, 'r'), ref("quay.io", std::string(255, 'r'), "latest")},
      {std::string(247, 'r'), ref("docker.io", "library/" + std::string(247, 'r'), "latest")},
  };
  for (const auto& c : cases) {
    auto got = image_ref::parse(c.text);
    ASSERT_TRUE(got) << c.text << ": " << got.error().message;
    EXPECT_EQ(*got, c.expected) << c.text << " became " << got->str();
  }
}

TEST(image_ref, says_how_a_path_is_named) {
  for (const auto* text : {"/tmp/images:gfx90a", "./images", "~/images:v1", "../x"}) {
    auto got = image_ref::parse(text);
    ASSERT_FALSE(got) << text;
    EXPECT_NE(got.error().message.find("'oci:PATH:TAG'"), std::string::npos) << got.error().message;
  }
}

TEST(image_ref, accepts_layouts) {
  const good cases[] = {
      {"oci:dir", ref("", "dir", "")},
      {"oci:dir:tag", ref("", "dir", "tag")},
      {"oci:/a.b/c d/..:1.0", ref("", "/a.b/c d/..", "1.0")},
      {"oci:/with:colon/dir", ref("", "/with:colon/dir", "")},
      {"oci:./x:t@" + pinned, ref("", "./x", "t", hex64)},
      {"oci:x@" + pinned, ref("", "x", "", hex64)},
      {"oci:/user@host/x", ref("", "/user@host/x", "")},
      {"oci:Upper", ref("", "Upper", "")},
  };
  for (const auto& c : cases) {
    auto got = image_ref::parse(c.text);
    ASSERT_TRUE(got) << c.text << ": " << got.error().message;
    EXPECT_EQ(*got, c.expected) << c.text << " became " << got->str();
    EXPECT_TRUE(got->is_layout());
  }
}

TEST(image_ref, prints_what_parses_back) {
  for (std::string text : {"ubuntu", "quay.io/gkm/x:t", "[::1]:5000/x", "oci:/a/b", "oci:/a/b:t"})
    for (const auto& suffix : {std::string(), "@" + pinned}) {
      auto once = image_ref::parse(text + suffix);
      ASSERT_TRUE(once) << text;
      auto twice = image_ref::parse(once->str());
      ASSERT_TRUE(twice) << once->str();
      EXPECT_EQ(*once, *twice);
    }
  EXPECT_EQ(image_ref::parse("ubuntu")->str(), "docker.io/library/ubuntu:latest");
  EXPECT_EQ(image_ref::parse("quay.io/x:t@" + pinned)->reference(), pinned);
  EXPECT_EQ(image_ref::parse("quay.io/x:t")->reference(), "t");
}

TEST(image_ref, refuses_what_is_not_one) {
  const std::string cases[] = {
      "",
      " ",
      ":",
      "@",
      "/",
      "x:",
      "x@",
      ":tag",
      "x//y",
      "/x",
      "x/",
      "quay.io/",
      "quay.io//x",
      "quay.io/../x",
      "quay.io/x/../y",
      "quay.io/./x",
      "quay.io/x/..",
      "quay.io/.x",
      "quay.io/x.",
      "quay.io/x..y",
      "quay.io/x___y",
      "quay.io/-x",
      "quay.io/x-",
      "quay.io/x%2fy",
      "quay.io/x?y",
      "quay.io/x:-t",
      "quay.io/x:.t",
      "quay.io/x:t t",
      "quay.io/x:t/../u",
      "quay.io:0/x",
      "quay.io:70000/x",
      "quay.io:port/x",
      "user@quay.io/x",
      "user:pass@quay.io/x",
      "-a.b/x",
      "a..b/x",
      "[::1/x",
      "[zz::1]/x",
      "[::1]5000/x",
      "https://quay.io/x",
      "oci:",
      "oci::tag",
      "oci:x:",
      "oci:x:b@d",
      "oci:x@sha256:00",
      "x@sha256:" + std::string(63, 'a'),
      "x@sha256:" + std::string(64, 'A'),
      "x@sha512:" + std::string(128, 'a'),
      "x@" + pinned + "@" + pinned,
      "quay.io/" + std::string(256, 'r'),
      std::string(248, 'r'),  // with "library/" it is too long
      "quay.io/x:" + std::string(129, 't'),
      std::string(64, 'h') + ".io/x",
      std::string("quay.io/x\0y", 11),
      "quay.io/x\n",
      "quay.io/x:\x1b[31m",
      "oci:a\nb",
      "quay.io/\xc3\xa9",
  };
  for (const auto& text : cases) {
    auto got = image_ref::parse(text);
    ASSERT_FALSE(got) << "'" << text << "' became " << got->str();
    EXPECT_EQ(got.error().code, errc::invalid_argument) << text;
    EXPECT_EQ(got.error().message.find_first_of("\n\x1b"), std::string::npos);
  }
}

TEST(image_ref, says_that_upper_case_is_the_fault) {
  for (std::string text : {"quay.io/Gkm/x", "Ubuntu", "Gkm/x:t"}) {
    auto got = image_ref::parse(text);
    ASSERT_FALSE(got) << text;
    EXPECT_NE(got.error().message.find("lower-case"), std::string::npos) << got.error().message;
  }
}

TEST(image_ref, is_not_impressed_by_size) {
  for (char c : {'a', '/', ':', '@', '.', '[', '-'}) {
    auto got = image_ref::parse(std::string(1 << 20, c));
    ASSERT_FALSE(got);
    EXPECT_LT(got.error().message.size(), 500U);
  }
}

}  // namespace
}  // namespace gkm
