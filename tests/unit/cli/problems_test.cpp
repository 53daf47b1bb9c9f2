#include "cli/problems.hpp"

#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace gkm::cli {

TEST(problems, come_back) {
  support::temp_dir dir;
  auto where = paths::below(dir / "state");
  EXPECT_TRUE(read_problems(where).empty());
  const std::vector<file_problem> some{{"caches/a.yaml", 7, "spec.image", "is \"missing\"\n"},
                                       {"\xc3\xa4.yaml", 0, "", "holds no YAML document"}};
  write_problems(where, some);
  EXPECT_EQ(read_problems(where), some);
  write_problems(where, {});
  EXPECT_TRUE(read_problems(where).empty());
}

TEST(problems, a_file_name_that_is_no_text_hides_nothing) {
  support::temp_dir dir;
  auto where = paths::below(dir.path());
  write_problems(where, {{"\xff.yaml", 1, "", "x"}, {"b.yaml", 1, "", "y"}});
  EXPECT_EQ(read_problems(where),
            (std::vector<file_problem>{{"?.yaml", 1, "", "x"}, {"b.yaml", 1, "", "y"}}));
}

TEST(problems, what_cannot_be_read_is_none) {
  support::temp_dir dir;
  for (const auto* text : {"", "[]", R"({"problems": [{"file": 1}]})", R"({"problems": {}})"}) {
    std::ofstream(dir / "problems.json") << text;
    EXPECT_TRUE(read_problems(paths::below(dir.path())).empty()) << text;
  }
}

}  // namespace gkm::cli
