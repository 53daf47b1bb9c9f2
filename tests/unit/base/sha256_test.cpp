#include "base/sha256.hpp"

#include <gtest/gtest.h>

namespace gkm::base {

// FIPS 180-2, appendix B.
TEST(sha256, known_answers) {
  EXPECT_EQ(sha256::of("").str(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256::of("abc").str(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(sha256, parts_equal_the_whole) {
  sha256 h;
  for (char c : std::string("abc")) h.update(std::as_bytes(std::span(&c, 1)));
  EXPECT_EQ(h.finish(), sha256::of("abc"));
}

}  // namespace gkm::base
