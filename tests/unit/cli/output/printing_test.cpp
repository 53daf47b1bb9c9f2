#include "cli/output/printing.hpp"

#include "cli/options.hpp"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace gkm::cli {
namespace {

const std::vector<std::string> tricky{"",
                                      "yes",
                                      "no",
                                      "true",
                                      "null",
                                      "~",
                                      "1.0",
                                      "007",
                                      "1e3",
                                      "0x1f",
                                      "- a",
                                      "a: b",
                                      "#x",
                                      "'",
                                      "\"",
                                      "a\nb",
                                      " a ",
                                      "\t",
                                      "{a}",
                                      "[a]",
                                      "*a",
                                      "&a",
                                      "\xc3\xa4",
                                      "%x",
                                      "!tag",
                                      "\\",
                                      "2024-01-01",
                                      "sha256:" + std::string(64, '0'),
                                      std::string(64, '1')};

std::string printed(const rapidjson::Document& document, output format) {
  testing::internal::CaptureStdout();
  print_document(document, format);
  return testing::internal::GetCapturedStdout();
}

rapidjson::Document document_of(const std::vector<std::string>& texts) {
  rapidjson::Document doc(rapidjson::kObjectType);
  auto& memory = doc.GetAllocator();
  rapidjson::Value list(rapidjson::kArrayType);
  for (const auto& t : texts) list.PushBack(rapidjson::Value(t, memory), memory);
  doc.AddMember("texts", list, memory);
  doc.AddMember("yes", true, memory);
  doc.AddMember("most", UINT64_MAX, memory);
  doc.AddMember("least", INT64_MIN, memory);
  doc.AddMember("nothing", rapidjson::Value(), memory);
  doc.AddMember("empty", rapidjson::Value(rapidjson::kObjectType), memory);
  return doc;
}

}  // namespace

TEST(print_document, yaml_says_what_was_meant) {
  auto back = YAML::Load(printed(document_of(tricky), output::yaml));
  ASSERT_EQ(back["texts"].size(), tricky.size());
  for (size_t i = 0; i < tricky.size(); ++i) {
    EXPECT_EQ(back["texts"][i].Scalar(), tricky[i]);
    EXPECT_EQ(back["texts"][i].Tag(), "!") << "quoted, so that no reader takes it for a number";
  }
  EXPECT_TRUE(back["yes"].as<bool>());
  EXPECT_EQ(back["most"].as<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(back["least"].as<int64_t>(), INT64_MIN);
  EXPECT_TRUE(back["nothing"].IsNull());
  EXPECT_TRUE(back["empty"].IsMap());
}

TEST(print_document, json_says_what_was_meant) {
  auto document = document_of(tricky);
  rapidjson::Document back;
  back.Parse(printed(document, output::json));
  ASSERT_FALSE(back.HasParseError());
  EXPECT_TRUE(back == document);
}

TEST(join_targets, names_them_or_says_unknown) {
  EXPECT_EQ(join_targets({}), "unknown");
  EXPECT_EQ(join_targets({{"hip", "gfx90a"}, {"cuda", "90a"}}), "gfx90a, sm_90a");
}

}  // namespace gkm::cli
