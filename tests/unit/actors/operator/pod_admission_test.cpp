#include "actors/operator/pod_admission.hpp"

#include "reviews.hpp"

#include <gmock/gmock.h>

namespace gkm::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string volume(const std::string& name, const std::string& attributes = R"("a":"b")") {
  return R"({"name":")" + name + R"(","csi":{"driver":"csi.gkm.io","volumeAttributes":{)" +
         attributes + "}}}";
}
std::string mount(const std::string& name, const std::string& path, const std::string& more = "") {
  return R"({"name":")" + name + R"(","mountPath":")" + path + '"' + more + "}";
}
std::string container(const std::string& name, const std::string& mounts,
                      const std::string& more = "") {
  return R"({"name":")" + name + R"(","volumeMounts":[)" + mounts + "]" + more + "}";
}
std::string pod(const std::string& volumes, const std::string& containers,
                const std::string& annotations = "", const std::string& more = "") {
  return R"({"metadata":{"annotations":{)" + annotations + R"(}},"spec":{"volumes":[)" + volumes +
         R"(],"containers":[)" + containers + "]" + more + "}}";
}
admission_decision complete(const std::string& object) {
  return complete_pod(test::review("CREATE", object));
}
std::string path_patch(const std::string& path, int index = 0) {
  return R"({"op":"add","path":"/spec/volumes/)" + std::to_string(index) +
         R"(/csi/volumeAttributes/csi.gkm.io~1mountPath","value":")" + path + R"("})";
}
const std::string inject = R"("gkm.io/inject-env":"true")";

TEST(pod_admission, says_where_the_volume_is_mounted) {
  EXPECT_EQ(complete(pod(volume("k"), container("c", mount("k", "/cache//x/")))).patch,
            "[" + path_patch("/cache/x") + "]");
}

TEST(pod_admission, makes_attributes_where_there_are_none) {
  auto bare = R"({"name":"k","csi":{"driver":"csi.gkm.io"}})";
  EXPECT_EQ(complete(pod(bare, container("c", mount("k", "/a")))).patch,
            R"([{"op":"add","path":"/spec/volumes/0/csi/volumeAttributes","value":)"
            R"({"csi.gkm.io/mountPath":"/a"}}])");
}

TEST(pod_admission, leaves_alone_what_needs_nothing) {
  for (const auto& object :
       {pod(volume("k", R"("csi.gkm.io/mountPath":"/mine")"), container("c", mount("k", "/a"))),
        pod(volume("k"), container("c", "")), pod("", container("c", mount("k", "/a"))),
        pod(R"({"name":"k","csi":{"driver":"other"}})", container("c", mount("k", "/a"))),
        std::string("{}"), std::string("[]"), std::string("null"),
        std::string(R"({"spec":{"volumes":7,"containers":{"a":1}}})"),
        std::string(R"({"spec":{"volumes":[null,7,"x",{"csi":[]}],"containers":[null,[]]}})"),
        pod(R"({"name":"k","csi":{"driver":"csi.gkm.io","volumeAttributes":7}})",
            container("c", mount("k", "/a")))})
    EXPECT_EQ(complete(object), admission_decision{}) << object;
}

TEST(pod_admission, counts_a_sub_path_as_part_of_the_path) {
  EXPECT_EQ(
      complete(pod(volume("k"), container("c", mount("k", "/a/b", R"(,"subPath":"b")")))).patch,
      "[" + path_patch("/a") + "]");
  for (const char* more : {R"(,"subPath":"c")", R"x(,"subPathExpr":"$(X)")x"}) {
    auto d = complete(pod(volume("k"), container("c", mount("k", "/a/b", more))));
    EXPECT_EQ(d.patch, "") << more;
    EXPECT_THAT(d.warnings, ElementsAre(HasSubstr("mounts a part of volume 'k'"))) << more;
  }
}

TEST(pod_admission, gives_each_further_path_a_volume_of_its_own) {
  auto d =
      complete(pod(volume("k"), container("c", mount("k", "/a") + "," + mount("k", "/b")) + "," +
                                    container("d", mount("k", "/b") + "," + mount("k", "/a"))));
  EXPECT_EQ(d.patch,
            "[" + path_patch("/a") +
                R"(,{"op":"add","path":"/spec/volumes/-","value":{"name":"k-gkm-2","csi":)"
                R"({"driver":"csi.gkm.io","volumeAttributes":{"a":"b","csi.gkm.io/mountPath":)"
                R"("/b"}}}},{"op":"replace","path":"/spec/containers/0/volumeMounts/1/name",)"
                R"("value":"k-gkm-2"},{"op":"replace","path":)"
                R"("/spec/containers/1/volumeMounts/0/name","value":"k-gkm-2"}])");
}

TEST(pod_admission, finds_a_free_name_of_legal_length) {
  auto name = std::string(63, 'k');
  auto taken = std::string(57, 'k') + "-gkm-2";
  auto d = complete(pod(volume(name) + R"(,{"name":")" + taken + R"(","emptyDir":{}})",
                        container("c", mount(name, "/a") + "," + mount(name, "/b"))));
  EXPECT_THAT(d.patch, HasSubstr(std::string(57, 'k') + "-gkm-3"));
}

TEST(pod_admission, has_a_limit_for_further_volumes) {
  std::string mounts = mount("k", "/p0");
  for (int i = 1; i < 200; ++i) mounts += "," + mount("k", "/p" + std::to_string(i));
  auto patch = complete(pod(volume("k"), container("c", mounts))).patch;
  EXPECT_THAT(patch, HasSubstr("k-gkm-33\""));
  EXPECT_THAT(patch, ::testing::Not(HasSubstr("k-gkm-34\"")));
}

TEST(pod_admission, sets_cache_variables_only_where_asked_and_unset) {
  auto one = container("c", mount("k", "/a"), R"(,"env":[{"name":"VLLM_CACHE_ROOT","value":"x"}])");
  EXPECT_THAT(complete(pod(volume("k"), one)).patch, ::testing::Not(HasSubstr("TRITON")));
  EXPECT_EQ(complete(pod(volume("k"), one, inject)).patch,
            "[" + path_patch("/a") +
                R"(,{"op":"add","path":"/spec/containers/0/env/-","value":)"
                R"({"name":"TRITON_CACHE_DIR","value":"/a"}}])");
}

TEST(pod_admission, makes_a_list_of_variables_where_there_is_none) {
  EXPECT_EQ(complete(pod(volume("k"), container("c", mount("k", "/a")), inject)).patch,
            "[" + path_patch("/a") +
                R"(,{"op":"add","path":"/spec/containers/0/env","value":)"
                R"([{"name":"TRITON_CACHE_DIR","value":"/a"}]},{"op":"add","path":)"
                R"("/spec/containers/0/env/-","value":{"name":"VLLM_CACHE_ROOT","value":"/a"}}])");
}

TEST(pod_admission, takes_the_cache_type_from_the_annotation) {
  auto two = container("c", mount("k", "/a") + "," + mount("v", "/b"));
  auto volumes = volume("k") + "," + volume("v");
  auto typed = complete(pod(volumes, two, inject + R"(,"gkm.io/cache-type":"k=triton,v=vllm")"));
  EXPECT_THAT(typed.patch, HasSubstr(R"({"name":"TRITON_CACHE_DIR","value":"/a"})"));
  EXPECT_THAT(typed.patch, HasSubstr(R"({"name":"VLLM_CACHE_ROOT","value":"/b"})"));
  EXPECT_THAT(typed.warnings, IsEmpty());
  auto untyped = complete(pod(volumes, two, inject));
  EXPECT_THAT(untyped.patch, ::testing::Not(HasSubstr("TRITON")));
  EXPECT_THAT(untyped.warnings, ElementsAre(HasSubstr("mounts several caches")));
  auto unknown = complete(pod(volume("k"), container("c", mount("k", "/a")),
                              inject + R"(,"gkm.io/cache-type":"triton,cuda")"));
  EXPECT_THAT(unknown.warnings, ElementsAre(HasSubstr("'cuda'")));
  EXPECT_THAT(unknown.patch, ::testing::Not(HasSubstr("VLLM")));
}

TEST(pod_admission, does_not_override_what_env_from_may_set) {
  auto d = complete(pod(
      volume("k"),
      container("c", mount("k", "/a"), R"(,"envFrom":[{"configMapRef":{"name":"m"}}])"), inject));
  EXPECT_EQ(d.patch, "[" + path_patch("/a") + "]");
  EXPECT_THAT(d.warnings, ElementsAre(HasSubstr("envFrom")));
}

TEST(pod_admission, counts_init_containers_after_containers) {
  auto d = complete(pod(volume("k"), container("c", mount("k", "/a")), "",
                        R"(,"initContainers":[)" + container("i", mount("k", "/b")) + "]"));
  EXPECT_THAT(d.patch, HasSubstr(path_patch("/a")));
  EXPECT_THAT(d.patch, HasSubstr("/spec/initContainers/0/volumeMounts/0/name"));
}

TEST(pod_admission, changes_nothing_when_asked_again) {
  auto again = pod(volume("k", R"("csi.gkm.io/mountPath":"/a")") + "," +
                       volume("k-gkm-2", R"("csi.gkm.io/mountPath":"/b")"),
                   container("c", mount("k", "/a") + "," + mount("k-gkm-2", "/b"),
                             R"(,"env":[{"name":"TRITON_CACHE_DIR","value":"/a"},)"
                             R"({"name":"VLLM_CACHE_ROOT","value":"/a"}])"));
  EXPECT_EQ(complete(again), admission_decision{});
}

// The annotation names the volume that the pod's author wrote, and not GKM's copies of it.
TEST(pod_admission, knows_the_type_of_a_further_volume_when_asked_again) {
  const auto types =
      inject + R"(,"gkm.io/cache-type":"k=triton,)" + std::string(60, 'v') + R"(=vllm")";
  const auto cut = std::string(63 - 6, 'v') + "-gkm-2";
  auto again = pod(volume("k", R"("csi.gkm.io/mountPath":"/a")") + "," +
                       volume("k-gkm-2", R"("csi.gkm.io/mountPath":"/b")") + "," +
                       volume(cut, R"("csi.gkm.io/mountPath":"/c")"),
                   container("c", mount("k", "/a") + "," + mount("k-gkm-2", "/b"),
                             R"(,"env":[{"name":"TRITON_CACHE_DIR","value":"/a"}])") +
                       "," +
                       container("d", mount("k-gkm-2", "/b") + "," + mount(cut, "/c"),
                                 R"(,"env":[{"name":"TRITON_CACHE_DIR","value":"/b"},)"
                                 R"({"name":"VLLM_CACHE_ROOT","value":"/c"}])"),
                   types);
  EXPECT_EQ(complete(again), admission_decision{});
  auto alone = pod(volume("k-gkm-2", R"("csi.gkm.io/mountPath":"/b")"),
                   container("c", mount("k-gkm-2", "/b"),
                             R"(,"env":[{"name":"TRITON_CACHE_DIR","value":"/b"}])"),
                   types);
  EXPECT_EQ(complete(alone), admission_decision{});
}

}  // namespace
}  // namespace gkm::cluster
