#include "actors/operator/admission/pod_admission.hpp"

#include "reviews.hpp"

#include <gmock/gmock.h>

#include <functional>

namespace gkm::op {
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
  return complete_pod(test::review("CREATE", object)).decision;
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

/// `count` texts that `f` makes of numbers, with commas between.
std::string list(int count, const std::function<std::string(int)>& f) {
  std::string out;
  for (int i = 0; i < count; ++i) out += (i ? "," : "") + f(i);
  return out;
}

void expect_left_alone(const admission_decision& d, const std::string& why) {
  EXPECT_TRUE(d.allowed);
  EXPECT_EQ(d.patch, "");
  EXPECT_THAT(d.warnings, ElementsAre(::testing::AllOf(
                              HasSubstr("GKM filled in nothing of this pod"), HasSubstr(why),
                              HasSubstr("write csi.gkm.io/mountPath in the attributes"))));
}

std::string mounted_at(int paths) {
  return pod(
      volume("k"),
      container("c", list(paths, [](int i) { return mount("k", "/p" + std::to_string(i)); })));
}

TEST(pod_admission, adds_so_many_volumes_and_no_more) {
  auto most = complete(mounted_at(1 + pod_further_volumes_max)).patch;
  EXPECT_THAT(most, HasSubstr("k-gkm-" + std::to_string(1 + pod_further_volumes_max) + "\""));
  expect_left_alone(complete(mounted_at(2 + pod_further_volumes_max)), "further paths");
}

TEST(pod_admission, counts_the_further_volumes_of_the_whole_pod) {
  auto many = pod(list(8, [](int i) { return volume("v" + std::to_string(i)); }),
                  container("c", list(80, [](int i) {
                              return mount("v" + std::to_string(i % 8), "/p" + std::to_string(i));
                            })));
  expect_left_alone(complete(many), "further paths");
}

TEST(pod_admission, makes_no_large_patch_of_a_large_pod) {
  auto attributes = R"("a":")" + std::string(12'000, 'x') + '"';
  auto large = pod(list(40, [&](int i) { return volume("v" + std::to_string(i), attributes); }),
                   container("c", list(80, [](int i) {
                               return mount("v" + std::to_string(i % 40), "/p" + std::to_string(i));
                             })));
  expect_left_alone(complete(large), "bytes");
  for (int volumes : {1, 5, 10, 20, 30}) {
    auto some = pod(
        volume("k", attributes),
        container("c", list(volumes, [](int i) { return mount("k", "/" + std::to_string(i)); })));
    EXPECT_LE(complete(some).patch.size(), pod_patch_bytes_max + 2) << volumes;
  }
}

size_t steps_of(const std::string& object) {
  auto done = complete_pod(test::review("CREATE", object));
  EXPECT_TRUE(done.decision.allowed);
  return done.steps;
}

TEST(pod_admission, looks_at_each_volume_and_mount_a_few_times_and_no_more) {
  auto grown = [](int volumes, int containers, int mounts, const std::string& more = "") {
    return pod(list(volumes, [](int v) { return volume("v" + std::to_string(v)); }),
               list(containers,
                    [&](int c) {
                      return container("c" + std::to_string(c), list(mounts, [&](int m) {
                                         auto v = (c * mounts + m) % volumes;
                                         return mount("v" + std::to_string(v), "/p");
                                       }));
                    }),
               inject, more);
  };
  auto whole = [](size_t volumes, size_t containers, size_t mounts) {
    return volumes + containers * (1 + mounts);
  };
  EXPECT_LE(steps_of(grown(256, 256, 140)), 4 * whole(256, 256, 140));
  EXPECT_LE(steps_of(grown(8, 16, 32)), 4 * whole(8, 16, 32));
  // Each volume at other paths, so that further names are wanted.
  auto named =
      pod(list(256, [](int v) { return volume("volume-" + std::to_string(v)); }) + "," +
              list(2'000,
                   [](int n) { return R"({"name":"volume-0-gkm-)" + std::to_string(n) + "\"}"; }),
          list(256, [](int c) {
            return container("c", list(140, [&](int m) {
                               auto n = c * 140 + m;
                               return mount("volume-" + std::to_string(n % 256),
                                            "/p" + std::to_string(n));
                             }));
          }));
  EXPECT_LE(steps_of(named), 4 * whole(2'256, 256, 140));
}

TEST(pod_admission, tries_no_name_twice) {
  // All further names of these volumes begin alike, and many are taken.
  auto taken = list(500, [](int n) {
    auto tail = "-gkm-" + std::to_string(n);
    return R"({"name":")" + std::string(63 - tail.size(), 'k') + tail + "\"}";
  });
  auto name = [](int v) { return std::string(60, 'k') + std::to_string(100 + v); };
  auto volumes = list(30, [&](int v) { return volume(name(v)); });
  auto mounts = list(60, [&](int m) { return mount(name(m % 30), "/p" + std::to_string(m)); });
  auto object = pod(volumes + "," + taken, container("c", mounts));
  EXPECT_THAT(complete(object).patch, HasSubstr("-gkm-529\""));
  EXPECT_LE(steps_of(object), 2'000U);
}

TEST(pod_admission, stops_when_nobody_waits_any_more) {
  pod_limits limits;
  limits.until = std::chrono::steady_clock::now();
  auto done = complete_pod(test::review("CREATE", mounted_at(200)), limits);
  expect_left_alone(done.decision, "longer than the API server waits");
  EXPECT_LE(done.steps, 16U) << "and does nothing more";
}

TEST(pod_admission, warns_of_no_more_than_is_shown) {
  auto parts = pod(volume("k"), container("c", list(200, [](int i) {
                                            return mount("k", "/a" + std::to_string(i),
                                                         R"(,"subPath":"other")");
                                          })));
  EXPECT_EQ(complete(parts).warnings.size(), pod_warnings_max);
}

TEST(pod_admission, takes_paths_as_kubernetes_does) {
  for (const auto& [written, seen] : std::vector<std::pair<std::string, std::string>>{
           {"/a/./b", "/a/b"}, {"/a/../b", "/b"}, {"/../a", "/a"}, {"//a//", "/a"}})
    EXPECT_EQ(complete(pod(volume("k"), container("c", mount("k", written)))).patch,
              "[" + path_patch(seen) + "]")
        << written;
  for (const char* none : {"/", "a/b", "", "/a/..", "."})
    EXPECT_EQ(complete(pod(volume("k"), container("c", mount("k", none)))).patch, "") << none;
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
}  // namespace gkm::op
