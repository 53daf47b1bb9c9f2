#include "cli/exit_code.hpp"

#include <gtest/gtest.h>

#include <map>

namespace gkm::cli {

TEST(exit_code, is_what_scripts_rely_on) {
  const std::map<errc, int> table{
      {errc::none, 0},         {errc::invalid_argument, 2}, {errc::not_found, 3},
      {errc::unauthorized, 4}, {errc::unavailable, 5},      {errc::corrupt, 6},
      {errc::malformed, 6},    {errc::refused, 6},          {errc::limit_exceeded, 6},
      {errc::incompatible, 7}, {errc::no_space, 8},         {errc::busy, 9},
      {errc::conflict, 9},     {errc::expired, 5},          {errc::io, 1},
      {errc::cancelled, 130},  {errc::internal, 1},
  };
  for (auto i = 0; i <= static_cast<int>(errc::internal); ++i) {
    auto code = static_cast<errc>(i);
    ASSERT_TRUE(table.contains(code)) << to_string(code);
    EXPECT_EQ(exit_code_for(code), table.at(code)) << to_string(code);
  }
}

}  // namespace gkm::cli
