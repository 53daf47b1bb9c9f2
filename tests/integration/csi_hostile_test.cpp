// What a pod's author, or a confused caller, may send.
#include "csi_node.hpp"

namespace gkm::support {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class csi_hostile : public csi_node {
protected:
  void SetUp() override {
    csi_node::SetUp();
    if (IsSkipped()) return;
    store_cache();
    start_csi();
  }
  void expect(const pod_volume& v, code wanted) {
    auto status = publish(v);
    EXPECT_EQ(status.error_code(), wanted) << status.error_message();
    EXPECT_FALSE(status.error_message().empty());
    EXPECT_LT(status.error_message().size(), 1'100U);
    EXPECT_EQ(status.error_message().find('\n'), std::string::npos);
    EXPECT_EQ(mounts(), 0U);
    EXPECT_THAT(names_in(where().volumes()), testing::IsEmpty());
  }
};

TEST_F(csi_hostile, volume_ids) {
  for (const std::string& id : {std::string(), std::string("a\nb"), std::string(4'096, 'x')}) {
    auto v = volume("a");
    v.id = id;
    expect(v, code::INVALID_ARGUMENT);
    EXPECT_EQ(unpublish(v).error_code(), code::INVALID_ARGUMENT);
  }
  // What is only odd is a volume like any other: its name never becomes part of a path.
  auto odd = volume("a");
  odd.id = "../../../etc";
  EXPECT_TRUE(publish(odd).ok());
  EXPECT_TRUE(unpublish(odd).ok());
  expect_nothing_left();
}

TEST_F(csi_hostile, targets) {
  auto root = kubelet().string();
  for (const std::string& target :
       {std::string(), std::string("relative"), std::string("/etc/gkm-mount"), root,
        root + "/../outside", root + "/pods//x", root + "/a\nb",
        root + "/" + std::string(5'000, 'x')}) {
    auto v = volume("a");
    v.target = target;
    expect(v, code::INVALID_ARGUMENT);
    EXPECT_EQ(unpublish(v).error_code(), code::INVALID_ARGUMENT);
  }
  EXPECT_FALSE(fs::exists("/etc/gkm-mount"));
}

TEST_F(csi_hostile, cache_names) {
  for (const std::string& name :
       {std::string(), std::string("../other/x"), std::string("a/b"), std::string("A"),
        std::string(254, 'x'), std::string(4'096, 'x'), std::string("a\nb"), std::string("..")}) {
    auto v = volume("a");
    v.attributes["csi.gkm.io/GKMCache"] = name;
    expect(v, code::INVALID_ARGUMENT);
  }
  auto longest = volume("a");
  longest.attributes["csi.gkm.io/GKMCache"] = std::string(253, 'x');
  longest.attributes["csi.gkm.io/wait"] = "0s";
  expect(longest, code::NOT_FOUND);
}

TEST_F(csi_hostile, attributes) {
  auto with = [&](const std::string& key, const std::string& value) {
    auto v = volume("a");
    v.attributes[key] = value;
    return v;
  };
  expect(with("csi.gkm.io/namespace", "../kube-system"), code::INVALID_ARGUMENT);
  expect(with("csi.gkm.io/wait", "-1s"), code::INVALID_ARGUMENT);
  expect(with("csi.gkm.io/wait", "a year"), code::INVALID_ARGUMENT);
  expect(with("csi.gkm.io/fallback", "full"), code::INVALID_ARGUMENT);
  expect(with("csi.gkm.io/view", "empty"), code::INVALID_ARGUMENT);
  expect(with("csi.gkm.io/mountPath", "../x"), code::INVALID_ARGUMENT);
  expect(with("csi.gkm.io/scratchSize", "1e99"), code::INVALID_ARGUMENT);
  expect(with("csi.gkm.io/gkmcache", "c"), code::INVALID_ARGUMENT);
  auto no_pod = volume("a");
  no_pod.attributes.erase("csi.storage.k8s.io/pod.namespace");
  expect(no_pod, code::INVALID_ARGUMENT);
}

TEST_F(csi_hostile, a_target_that_is_something_else) {
  auto v = volume("a");
  fs::path target = v.target;
  fs::create_directories(target.parent_path());
  write_whole(target, "a file");
  expect(v, code::FAILED_PRECONDITION);
  EXPECT_EQ(read_whole(target), "a file");
  fs::remove(target);
  fs::create_directory(bench_.root() / "elsewhere");
  fs::create_directory_symlink(bench_.root() / "elsewhere", target);
  expect(v, code::FAILED_PRECONDITION);
  EXPECT_TRUE(fs::is_symlink(target));
  fs::remove(target);
  fs::create_directory(target);
  write_whole(target / "precious", "of somebody");
  expect(v, code::FAILED_PRECONDITION);
  EXPECT_EQ(read_whole(target / "precious"), "of somebody");
  fs::remove(target / "precious");
  EXPECT_TRUE(publish(v).ok());
  EXPECT_TRUE(unpublish(v).ok());
  expect_nothing_left();
}

TEST_F(csi_hostile, a_target_that_vanished) {
  auto v = volume("a");
  ASSERT_TRUE(publish(v).ok());
  ASSERT_EQ(::umount2(v.target.c_str(), 0), 0);
  fs::remove_all(fs::path(v.target).parent_path());
  EXPECT_TRUE(unpublish(v).ok());
  expect_nothing_left();
}

TEST_F(csi_hostile, a_link_on_the_way_to_the_target) {
  auto v = volume("a");
  fs::path volumes = fs::path(v.target).parent_path().parent_path();
  fs::create_directories(volumes.parent_path());
  fs::create_directory(bench_.root() / "elsewhere");
  fs::create_directory_symlink(bench_.root() / "elsewhere", volumes);
  auto status = publish(v);
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(fs::is_empty(bench_.root() / "elsewhere"));
  EXPECT_EQ(mounts(), 0U);
}

TEST_F(csi_hostile, a_record_that_is_no_record) {
  auto record = where().record({"default", "c"});
  write_whole(record, R"({"version":1,"manifest":"sha256:../../../../etc"})");
  auto v = volume("a");
  v.attributes["csi.gkm.io/wait"] = "0s";
  auto status = publish(v);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(mounts(), 0U);
  EXPECT_THAT(names_in(where().volumes()), testing::IsEmpty());
}

TEST_F(csi_hostile, a_volume_that_is_asked_for_differently) {
  auto v = volume("a");
  ASSERT_TRUE(publish(v).ok());
  auto elsewhere = v;
  elsewhere.target = volume("b").target;
  auto status = publish(elsewhere);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(mounts(), 1U);
  EXPECT_TRUE(unpublish(v).ok());
  expect_nothing_left();
}

}  // namespace
}  // namespace gkm::support
