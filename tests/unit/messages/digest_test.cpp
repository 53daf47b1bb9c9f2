#include "messages/digest.hpp"

#include <gtest/gtest.h>

namespace gkm {
namespace {

const std::string hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

}  // namespace

TEST(digest, parses_its_own_text) {
  auto d = digest::parse("sha256:" + hex);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->hex, hex);
  EXPECT_EQ(d->str(), "sha256:" + hex);
  EXPECT_EQ(d->brief(), "0123456789ab");
}

TEST(digest, none_has_no_text) {
  EXPECT_TRUE(digest{}.empty());
  EXPECT_EQ(digest{}.str(), "");
  EXPECT_EQ(digest{}.brief(), "");
}

TEST(digest, refuses_everything_else) {
  auto upper = hex;
  upper[10] = 'A';
  auto path = hex;
  path.replace(0, 3, "../");
  auto nul = hex;
  nul[63] = '\0';
  const std::vector<std::string> bad{
      "",
      hex,
      "sha256:",
      "sha256:" + hex.substr(1),
      "sha256:" + hex + "0",
      "sha256:" + upper,
      "sha256:" + path,
      "sha256:" + nul,
      "SHA256:" + hex,
      "sha512:" + hex + hex,
      " sha256:" + hex,
      "sha256:" + hex + "\n",
      "sha256:\033[31m",
      std::string(1 << 20, 'a'),
  };
  for (const auto& text : bad) {
    auto d = digest::parse(text);
    ASSERT_FALSE(d) << text;
    EXPECT_EQ(d.error().code, errc::invalid_argument);
    EXPECT_LT(d.error().message.size(), 200u);
    for (char c : d.error().message) EXPECT_TRUE(c >= ' ' && c <= '~') << text;
  }
}

}  // namespace gkm
