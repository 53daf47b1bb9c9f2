#include "gpus/inventory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace gkm::gpus {
namespace {

std::string one(const std::string& fields) { return "{\"gpus\": [{" + fields + "}]}"; }

class inventory_file : public testing::Test {
protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "gkm-gpus-XXXXXX").string();
    ASSERT_TRUE(::mkdtemp(name.data()));
    dir_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::filesystem::path dir_;
};

}  // namespace

TEST(inventory, simulated_is_two_gfx90a) {
  auto gpus = simulated_inventory();
  ASSERT_EQ(gpus.size(), 2u);
  for (int32_t i : {0, 1}) {
    const auto& g = gpus[static_cast<size_t>(i)];
    EXPECT_EQ(g.id, i);
    EXPECT_EQ(g.backend, "hip");
    EXPECT_EQ(g.arch, "gfx90a");
    EXPECT_EQ(g.warp_size, 64u);
    EXPECT_FALSE(g.name.empty());
  }
}

TEST(inventory, parses_every_field) {
  auto gpus = parse_inventory(
      R"({"gpus": [{"id": 3, "backend": "hip", "arch": "gfx942", "gpuType": "AMD Instinct MI300X",
          "uuid": "GPU-1", "driverVersion": "6.10", "warpSize": 64, "xnack": "off",
          "sramecc": "on", "new": {"x": [1]}}], "other": null})");
  ASSERT_TRUE(gpus) << gpus.error().message;
  EXPECT_EQ(*gpus, (std::vector<gpu>{{3, "hip", "gfx942", "AMD Instinct MI300X", "GPU-1", "6.10",
                                      64, feature::off, feature::on}}));
}

TEST(inventory, writes_capabilities_in_one_way) {
  for (auto arch : {"90", "9.0", "sm_90"}) {
    auto gpus = parse_inventory(
        one("\"id\": 0, \"backend\": \"cuda\", \"arch\": \"" + std::string(arch) + "\""));
    ASSERT_TRUE(gpus) << gpus.error().message;
    EXPECT_EQ(gpus->front().arch, "90");
  }
  auto twelve = parse_inventory(one(R"("id": 0, "backend": "cuda", "arch": "12.1")"));
  ASSERT_TRUE(twelve);
  EXPECT_EQ(twelve->front().arch, "121");
}

TEST(inventory, survives_a_round_trip) {
  auto gpus = simulated_inventory();
  gpus.push_back({9, "cuda", "90", "NVIDIA \"H100\" \xc3\xa9", "u", "550", 32});
  gpus[0].xnack = feature::any;
  gpus[1].sramecc = feature::on;
  auto back = parse_inventory(print_inventory(gpus));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, gpus);
  EXPECT_EQ(parse_inventory(print_inventory({}))->size(), 0u);
}

TEST(inventory, names_the_field_that_is_wrong) {
  const std::string ok = R"("id": 0, "backend": "hip", "arch": "gfx90a")";
  const std::pair<std::string, std::string> rows[] = {
      {"", "not valid JSON"},
      {"{", "not valid JSON"},
      {"[]", "the document must be an object"},
      {"{}", "gpus is missing"},
      {R"({"gpus": null})", "gpus is missing"},
      {R"({"gpus": {}})", "gpus must be an array"},
      {R"({"gpus": [1]})", "gpus[0] must be an object"},
      {one(R"("backend": "hip", "arch": "gfx90a")"), "gpus[0].id is missing"},
      {one(R"("id": -1, "backend": "hip", "arch": "gfx90a")"),
       "gpus[0].id must be an integer from 0 to 2147483647"},
      {one(R"("id": 2147483648, "backend": "hip", "arch": "gfx90a")"),
       "gpus[0].id must be an integer from 0"},
      {one(R"("id": "0", "backend": "hip", "arch": "gfx90a")"),
       "gpus[0].id must be an integer from 0 to 2147483647"},
      {one(R"("id": 0.5, "backend": "hip", "arch": "gfx90a")"),
       "gpus[0].id must be an integer from 0 to 2147483647"},
      {one(R"("id": 0, "arch": "gfx90a")"), "gpus[0].backend is missing"},
      {one(R"("id": 0, "backend": "xpu", "arch": "gfx90a")"), "gpus[0].backend is wrong"},
      {one(R"("id": 0, "backend": "hip")"), "gpus[0].arch is missing"},
      {one(R"("id": 0, "backend": "hip", "arch": "")"), "gpus[0].arch is empty"},
      {one(R"("id": 0, "backend": "hip", "arch": 90)"), "gpus[0].arch must be a string"},
      {one(R"("id": 0, "backend": "hip", "arch": "sm_90")"), "gpus[0].arch is wrong"},
      {one(R"("id": 0, "backend": "hip", "arch": "gfx9-generic")"), "arch is a generic target"},
      {one(R"("id": 0, "backend": "hip", "arch": "gfx90a:xnack+")"), "arch states switches"},
      {one(R"("id": 0, "backend": "cuda", "arch": "90a")"), "gpus[0].arch has a suffix"},
      {one(R"("id": 0, "backend": "cuda", "arch": "9.00")"), "gpus[0].arch is wrong"},
      {one(ok + R"(, "warpSize": -1)"), "gpus[0].warpSize must be an integer from 0 to 1024"},
      {one(ok + R"(, "warpSize": 4096)"), "gpus[0].warpSize must be an integer from 0 to 1024"},
      {one(ok + R"(, "xnack": true)"), "gpus[0].xnack must be a string"},
      {one(ok + R"(, "warpSize": null)"), "gpus[0].warpSize is missing"},
      {one(ok + R"(, "xnack": null)"), "gpus[0].xnack is missing"},
      {one(ok + R"(, "xnack": "")"), "gpus[0].xnack must be any, off or on"},
      {one(ok + R"(, "xnack": "yes")"), "gpus[0].xnack must be any, off or on"},
      {one(ok + R"(, "sramecc": "unstated")"), "gpus[0].sramecc must be any, off or on"},
      {one(ok + R"(, "gpuType": null)"), "gpus[0].gpuType is missing"},
      {one(ok + R"(, "gpuType": "a\u001b[31m")"), "gpus[0].gpuType has control characters"},
      {one(ok + R"(, "uuid": "a\u0000")"), "gpus[0].uuid has control characters"},
      {one(ok + ", \"uuid\": \"" + std::string(257, 'x') + "\""), "gpus[0].uuid is longer"},
      {one(ok + ", \"uuid\": \"\xff\""), "not valid JSON"},
      {"{\"gpus\": [{" + ok + "}, {" + ok + "}]}", "gpus[1].id 0 is there twice"},
  };
  for (const auto& [json, want] : rows) {
    auto out = parse_inventory(json);
    ASSERT_FALSE(out) << json;
    EXPECT_EQ(out.error().code, errc::malformed);
    EXPECT_NE(out.error().message.find(want), std::string::npos)
        << json << " -> " << out.error().message;
  }
}

TEST(inventory, is_bounded) {
  auto too_large = parse_inventory(std::string((1 << 20) + 1, ' '));
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, errc::limit_exceeded);
  std::string many = "{\"gpus\": [0";
  for (int i = 0; i < 1024; ++i) many += ",0";
  auto too_many = parse_inventory(many + "]}");
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().code, errc::limit_exceeded);
  EXPECT_FALSE(parse_inventory(std::string(1 << 20, '[')));
  std::string deep(1 << 19, '[');
  EXPECT_FALSE(parse_inventory(deep + std::string(1 << 19, ']')));
}

TEST_F(inventory_file, is_read) {
  std::ofstream(dir_ / "gpus.json") << print_inventory(simulated_inventory());
  auto gpus = read_inventory(dir_ / "gpus.json");
  ASSERT_TRUE(gpus) << gpus.error().message;
  EXPECT_EQ(*gpus, simulated_inventory());
}

TEST_F(inventory_file, is_named_in_errors) {
  auto missing = read_inventory(dir_ / "none.json");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::not_found);
  EXPECT_NE(missing.error().message.find("none.json'"), std::string::npos);

  std::ofstream(dir_ / "bad.json") << one(R"("id": 0, "backend": "hip")");
  auto bad = read_inventory(dir_ / "bad.json");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, errc::malformed);
  EXPECT_EQ(bad.error().message, "Failed to read the GPU inventory '" +
                                     (dir_ / "bad.json").string() + "': gpus[0].arch is missing");

  std::ofstream(dir_ / "big.json") << std::string((1 << 20) + 10, ' ');
  EXPECT_EQ(read_inventory(dir_ / "big.json").error().code, errc::limit_exceeded);
  EXPECT_EQ(read_inventory(dir_).error().code, errc::malformed);
}

TEST_F(inventory_file, of_a_fifo_does_not_hang) {
  ASSERT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_inventory(dir_ / "fifo").error().code, errc::malformed);
}

}  // namespace gkm::gpus
