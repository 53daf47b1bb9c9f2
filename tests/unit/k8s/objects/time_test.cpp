#include "k8s/objects/time.hpp"

#include <gtest/gtest.h>

namespace gkm::k8s {

TEST(time, prints_as_the_api_does) {
  EXPECT_EQ(print_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(print_time(1762162200), "2025-11-03T09:30:00Z");
  EXPECT_EQ(print_micro_time(1762162200000042), "2025-11-03T09:30:00.000042Z");
  EXPECT_EQ(print_micro_time(-1), "1969-12-31T23:59:59.999999Z");
}

TEST(time, parses_what_it_prints_and_other_offsets) {
  EXPECT_EQ(parse_time("2025-11-03T09:30:00Z"), 1762162200);
  EXPECT_EQ(parse_time("2025-11-03T09:30:00.999999Z"), 1762162200);
  EXPECT_EQ(parse_time("2025-11-03T11:00:00+01:30"), 1762162200);
  EXPECT_EQ(parse_time("2025-11-03t04:30:00-05:00"), 1762162200);
  EXPECT_EQ(parse_time("2024-02-29T00:00:00Z"), 1709164800);
}

TEST(time, refuses_what_is_no_time) {
  for (auto text : {"", "now", "2025-11-03", "2025-11-03T09:30:00", "2025-02-29T00:00:00Z",
                    "2025-13-01T00:00:00Z", "2025-11-03T24:00:00Z", "2025-11-03T09:60:00Z",
                    "2025-11-03T09:30:00.Z", "2025-11-03T09:30:00Zx", "0000-01-01T00:00:00Z",
                    "2025-11-03T09:30:00+24:00", "20251103T093000Z", "2025-11-3T09:30:00Z",
                    "2025-11-00T09:30:00Z", "2025--1-03T09:30:00Z"})
    EXPECT_FALSE(parse_time(text)) << text;
}

}  // namespace gkm::k8s
