#include "base/program/process.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace gkm::base {
namespace {

TEST(process, gives_back_what_it_does_not_need_and_goes_on) {
  auto work = [] {
    std::vector<int> numbers(1'000, 7);
    return numbers.at(999);
  };
  ASSERT_EQ(work(), 7);
  give_back_memory();
  auto first = resident_bytes();
  ASSERT_GT(first, 0);
  EXPECT_EQ(std::stoi(std::to_string(work())), 7);
  // An exception takes the longest way through the libraries.
  EXPECT_THROW(std::vector<int>().at(1), std::out_of_range);
  auto touched = resident_bytes();
  give_back_memory();
  EXPECT_LT(resident_bytes(), touched);
}

}  // namespace
}  // namespace gkm::base
