#include "messages/quantity.hpp"

#include <gtest/gtest.h>

namespace gkm {
namespace {

TEST(Quantity, SharesAreReadAsPercentOrBytes) {
  struct row {
    const char* text;
    std::optional<share> meant;
  };
  const row rows[] = {{"80%", share{80, true}},
                      {"0%", share{0, true}},
                      {"100%", share{100, true}},
                      {"50Gi", share{50ULL << 30, false}},
                      {"1G", share{1'000'000'000, false}},
                      {"4096", share{4'096, false}},
                      {"101%", std::nullopt},
                      {"-1%", std::nullopt},
                      {"1.5%", std::nullopt},
                      {"%", std::nullopt},
                      {"80 %", std::nullopt},
                      {"80%%", std::nullopt},
                      {"", std::nullopt},
                      {"much", std::nullopt},
                      {"99999999999999999999", std::nullopt},
                      {"99999999999Ti", std::nullopt}};
  for (const auto& r : rows) EXPECT_EQ(parse_share(r.text), r.meant) << r.text;
}

TEST(Quantity, SharesArePrintedAsTheyAreRead) {
  for (const char* text : {"80%", "0%", "0", "50Gi", "1Ti", "3Mi", "1536Ki", "1000001"}) {
    auto read = parse_share(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->str(), text);
  }
}

TEST(Quantity, AShareIsNeverMoreThanTheWhole) {
  EXPECT_EQ((share{80, true}.of(1'000)), 800u);
  EXPECT_EQ((share{33, true}.of(199)), 65u);
  EXPECT_EQ((share{100, true}.of(UINT64_MAX)), UINT64_MAX);
  EXPECT_EQ((share{0, true}.of(1'000)), 0u);
  EXPECT_EQ((share{700, false}.of(1'000)), 700u);
  EXPECT_EQ((share{7'000, false}.of(1'000)), 1'000u);
}

}  // namespace
}  // namespace gkm
