// All of GKM, from `kubectl apply` of a cache to its end, as people see it. Prints the story:
//   cluster_tests --gtest_filter='*story*'
#include "tests/support/build_tree.hpp"
#include "tests/support/kube/deployment.hpp"
#include "transcript.hpp"
#include "whole_fixture.hpp"

namespace gkm::support {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class whole_story : public whole_test, public testing::WithParamInterface<bool> {
protected:
  void SetUp() override {
    whole_test::SetUp();
    if (IsSkipped()) return;
    cache_ = {GetParam() ? "" : ns_, "kernels"};
    kind_ = GetParam() ? "clustergkmcaches" : "gkmcaches";
    story_.emplace(admin(), cluster().requests());
    first_image_ = push("v1", first_);
    second_image_ = push("v2", second_);
  }

  void apply_until_extracted();
  void mount();
  void change_image_while_mounted();
  void release_old_image();
  void delete_while_mounted();
  void release_last_pod();

  void show() const {
    std::vector<std::string> words{"get", kind_};
    if (!cache_.is_cluster()) words.insert(words.end(), {"-n", ns_});
    story_->run(words);
  }
  std::vector<std::string> pods_of(const cache_image& what) {
    std::vector<std::string> pods;
    auto report = one().agent().report(cache_.ns);
    if (!report) return pods;
    for (const auto& use : report->caches[cache_.name][*digest::parse(what.digest())].pods)
      pods.push_back(use.name);
    return pods;
  }
  static std::string hex(const cache_image& what) { return digest::parse(what.digest())->hex; }
  static std::map<std::string, std::string> content_of(const cache_image& what) {
    return tree_of(one().where().stored(*digest::parse(what.digest())) / paths::content);
  }
  /// What gkm-agent and gkm-operator wrote of this cache since.
  size_t writes(size_t since, const std::string& program, const std::string& node = "") const {
    auto written = written_by(program);
    return cluster().requests().count(since, [&](const api_request& r) {
      return written(r) && (node.empty() || r.node == node);
    });
  }
  std::string events() const {
    return admin().run({"get", "events.events.k8s.io", "-A", "-o",
                        "jsonpath={range .items[*]}{.regarding.kind}/{.regarding.name} {.reason}"
                        "{\"\\n\"}{end}"});
  }

  const cache_image first_ = image(10'000);
  const cache_image second_ = image(20'000);
  cache_ref cache_;
  std::string kind_;
  std::string first_image_;
  std::string second_image_;
  std::optional<child_process> heard_;  ///< what it says of itself while it goes
  std::optional<transcript> story_;
};

void whole_story::apply_until_extracted() {
  auto began = cluster().requests().now();
  auto began_at = std::chrono::steady_clock::now();
  story_->say("A cache is applied by tag. Admission pins its digest, nodes extract it.");
  story_->apply(yaml(cache_, first_image_));
  EXPECT_EQ(field(cache_, R"({.metadata.annotations.gkm\.io/resolvedDigest})"), first_.digest());
  ASSERT_TRUE(becomes(cache_, reason, "Extracted"));
  ASSERT_TRUE(becomes(cache_, "{.status.counts.nodeNotInUseCnt}", "2"));
  EXPECT_EQ(field(cache_, "{.status.resolvedDigest}"), first_.digest());
  EXPECT_EQ(field(cache_, R"({.status.conditions[?(@.type=="Ready")].status})"), "True");
  show();
  // On a busy machine each second of pulling may be told, too.
  auto seconds =
      std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now() - began_at).count();
  auto further = static_cast<size_t>(seconds);
  for (auto* node : {&one(), &two()}) {
    EXPECT_THAT(node->stored(), testing::ElementsAre(hex(first_)));
    EXPECT_LE(writes(began, "gkm-agent", node->name()), 3U + further);
  }
  EXPECT_LE(writes(began, "gkm-operator"), 4U + further);
  story_->count_requests(began, "from apply until it is ready");
}

void whole_story::mount() {
  auto began = cluster().requests().now();
  story_->say("A pod mounts it. Pod admission says where.");
  auto p = pod("first", cache_);
  p.mount_path = "/kernels";
  ASSERT_TRUE(one().kubelet().run(p)) << one().csi().err();
  EXPECT_EQ(one().kubelet().volumes(p).at(0).attributes.at("csi.gkm.io/mountPath"), "/kernels");
  EXPECT_THAT(tree_of(one().kubelet().mount_of(p)), Not(IsEmpty()));
  EXPECT_TRUE(tree_of(one().kubelet().mount_of(p)) == content_of(first_));
  ASSERT_TRUE(becomes(cache_, "{.status.counts.podRunningCnt}", "1"));
  EXPECT_EQ(field(cache_, reason), "Running");
  EXPECT_EQ(field(cache_, "{.status.counts.nodeInUseCnt}"), "1");
  EXPECT_TRUE(eventually("the agent serves what gkm-csi counts", [&] {
    return one().metrics().find(R"(gkm_csi_calls_total{call="publish",result="ok"})") !=
           std::string::npos;
  }));
  story_->run({"get", "pods", "-n", ns_});
  if (cache_.is_cluster())
    story_->run({"get", "clustergkmcachenodes"});
  else
    story_->run({"get", "gkmcachenodes", "-n", ns_});
  show();
  story_->count_requests(began, "from pod until it is counted");
}

void whole_story::change_image_while_mounted() {
  auto began = cluster().requests().now();
  story_->say("Another image. The pod keeps what it has; a new pod gets the new one.");
  story_->apply(yaml(cache_, second_image_));
  ASSERT_TRUE(becomes(cache_, "{.status.resolvedDigest}", second_.digest()));
  ASSERT_TRUE(becomes(cache_, reason, "Outdated"));
  ASSERT_TRUE(becomes(cache_, R"({.status.conditions[?(@.type=="Ready")].status})", "True"));
  EXPECT_EQ(field(cache_, "{.status.counts.podOutdatedCnt}"), "1");
  EXPECT_THAT(pods_of(first_), testing::ElementsAre("first"));
  show();
  story_->count_requests(began, "from apply until it is ready");
  auto p = pod("second", cache_);
  ASSERT_TRUE(one().kubelet().run(p)) << one().csi().err();
  EXPECT_TRUE(tree_of(one().kubelet().mount_of(p)) == content_of(second_));
  EXPECT_TRUE(tree_of(one().kubelet().mount_of(pod("first", cache_))) == content_of(first_));
  ASSERT_TRUE(becomes(cache_, "{.status.counts.podRunningCnt}", "1"));
  EXPECT_EQ(field(cache_, "{.status.counts.podOutdatedCnt}"), "1");
  EXPECT_THAT(one().stored(), UnorderedElementsAre(hex(first_), hex(second_)));
  EXPECT_TRUE(eventually("a node without pods drops the old image",
                         [&] { return two().stored().size() == 1; }));
  show();
  story_->run({"gkm", "status", "kernels", "-n", ns_, "-o", "wide"});
}

void whole_story::release_old_image() {
  story_->say("The first pod ends, and with it the old image.");
  ASSERT_TRUE(one().kubelet().end(pod("first", cache_)));
  ASSERT_TRUE(becomes(cache_, reason, "Running"));
  ASSERT_TRUE(becomes(cache_, "{.status.counts.podOutdatedCnt}", "0"));
  EXPECT_TRUE(eventually("the old image is freed", [&] { return one().stored().size() == 1; }));
  EXPECT_THAT(one().stored(), testing::ElementsAre(hex(second_)));
  show();
}

void whole_story::delete_while_mounted() {
  story_->say("It is deleted while a pod has it. It stays, and says what it waits for.");
  heard_.emplace(admin().start(
      about(cache_, {"get"},
            {"--watch", "-o",
             std::string("jsonpath={.metadata.deletionTimestamp} ") + reason + R"({"\n"})"})));
  ASSERT_TRUE(eventually("kubectl watches it", [&] { return !heard_->out().empty(); }));
  story_->run(about(cache_, {"delete"}, {"--wait=false"}));
  // Who may read a cache of the cluster need not know whose pods use it.
  auto waits = std::string("Deletion waits for ") + (cache_.is_cluster() ? "1 pod" : "pod second") +
               " on worker-1 to end";
  ASSERT_TRUE(becomes(cache_, message, waits));
  EXPECT_EQ(field(cache_, reason), "Deleting");
  EXPECT_TRUE(eventually("nodes without pods free it", [&] { return two().stored().empty(); }));
  EXPECT_EQ(field(cache_, message), waits);
  EXPECT_FALSE(tree_of(one().kubelet().mount_of(pod("second", cache_))).empty());
  story_->run(about(cache_, {"get"}, {"-o", std::string("jsonpath=") + message + "\n"}));
  show();
}

void whole_story::release_last_pod() {
  auto began = cluster().requests().now();
  story_->say("The last pod ends: nothing is left.");
  ASSERT_TRUE(one().kubelet().end(pod("second", cache_)));
  ASSERT_TRUE(is_gone(cache_));
  EXPECT_THAT(heard_->out(), HasSubstr("Z Deleting"));
  EXPECT_THAT(heard_->out(), Not(HasSubstr("Z Extracted"))) << "once it is deleted";
  expect_nothing_left();
  show();
  story_->count_requests(began, "from the end of the pod until nothing is left");
  if (!cache_.is_cluster())
    story_->run({"get", "events", "-n", ns_, "-o",
                 "custom-columns=KIND:.involvedObject.kind,NAME:.involvedObject.name,"
                 "REASON:.reason,MESSAGE:.message"});
}

TEST_P(whole_story, from_apply_to_delete) {
  std::cout << "\n=== " << cache_.kind() << " ===\n";
  ASSERT_NO_FATAL_FAILURE(apply_until_extracted());
  ASSERT_NO_FATAL_FAILURE(mount());
  ASSERT_NO_FATAL_FAILURE(change_image_while_mounted());
  ASSERT_NO_FATAL_FAILURE(release_old_image());
  ASSERT_NO_FATAL_FAILURE(delete_while_mounted());
  ASSERT_NO_FATAL_FAILURE(release_last_pod());
  // Nobody waits for an event to be written: the last ones may come after all else has ended.
  std::vector<std::string> told;
  for (const char* one : {"Created", "CacheUsed", "CacheRelease"})
    told.push_back("Node/worker-1 " + std::string(one));
  for (const char* one : {"Resolved", "Ready", "Deleting"})
    told.push_back(std::string(cache_.kind()) + "/kernels " + one);
  std::string all;
  EXPECT_TRUE(eventually("all has been told in events", [&] {
    all = events();
    return std::all_of(told.begin(), told.end(),
                       [&](const auto& one) { return all.find(one) != all.npos; });
  })) << all;
}

class earlier_image : public whole_test {
protected:
  static bool says(const std::vector<std::string>& command, const std::string& words) {
    bool said = eventually(
        words, [&] { return admin().ask(command).out.find(words) != std::string::npos; }, patience);
    if (!said) ADD_FAILURE() << admin().ask(command).out;
    return said;
  }
};

TEST_F(earlier_image, is_served_while_the_wanted_one_is_for_other_gpus_and_all_say_so) {
  auto cache = ref("kernels");
  auto fits = image(10'000);
  auto misfit = cache_image().layer(kernel_layer(0x4c, 20'000).finished(), packing::plain);
  admin().apply(yaml(cache, push("v1", fits)));
  ASSERT_TRUE(becomes(cache, reason, "Extracted"));
  admin().apply(yaml(cache, push("v2", misfit)));
  ASSERT_TRUE(becomes(cache, reason, "Error"));
  auto served = "the earlier image " + digest::parse(fits.digest())->brief() +
                " is served, as the wanted one cannot be used";
  EXPECT_THAT(field(cache, message), HasSubstr(served));
  EXPECT_TRUE(says({"get", "events", "-n", ns_}, served));
  EXPECT_TRUE(says({"gkm", "status", "-n", ns_}, served));
  for (int life = 0; life < 2; ++life) {
    auto p = pod("pod-" + std::to_string(life), cache);
    ASSERT_TRUE(one().kubelet().run(p)) << one().csi().err();
    EXPECT_TRUE(tree_of(one().kubelet().mount_of(p)) ==
                tree_of(one().where().stored(*digest::parse(fits.digest())) / paths::content));
    EXPECT_TRUE(says({"get", "events", "-n", ns_, "--field-selector",
                      "involvedObject.kind=Pod,reason=CacheOutdated,involvedObject.name=" + p.name},
                     fits.digest()));
    EXPECT_TRUE(one().kubelet().end(p));
    if (life > 0) break;
    one().agent().kill();
    one().agent().start();
  }
  EXPECT_EQ(field(cache, reason), "Error");
  ask_to_delete(cache);
  EXPECT_TRUE(is_gone(cache));
  expect_nothing_left();
}

class real_cache : public whole_test {
protected:
  void SetUp() override {
    const char* named = std::getenv("GKM_FIXTURES");
    fixtures_ = named ? named : source_tree() / ".." / "shared" / "fixtures";
    if (!std::filesystem::is_directory(fixtures_))
      GTEST_SKIP() << "no fixtures in '" << fixtures_ << "'";
    if (!find_program("umoci")) GTEST_SKIP() << "umoci is not installed";
    whole_test::SetUp();
  }
  /// A folder that Triton left, as an image in the registry.
  std::string push_folder(const std::filesystem::path& folder) {
    temp_dir layout;
    run_program({source_tree() / "examples/pack-image", folder, layout / "images", "packed"},
                cluster().folder() / "output",
                {{"GKM_BIN", std::filesystem::path(program("gkm")).parent_path()}});
    return cluster().push_from(layout / "images", "packed", ns_ + "/triton:v1");
  }
  /// All that Triton's index files say.
  static std::string indices(const std::filesystem::path& below) {
    std::string all;
    for (const auto& [file, text] : tree_of(below))
      if (file.find("__grp__") != std::string::npos) all += text;
    return all;
  }

  std::filesystem::path fixtures_;
};

TEST_F(real_cache, says_that_its_files_are_where_the_pod_mounts_it) {
  auto cache = ref("triton");
  admin().apply(yaml(cache, push_folder(fixtures_ / "triton-hip-gfx90a")));
  ASSERT_TRUE(becomes(cache, reason, "Extracted"));
  auto p = pod("pod", cache);
  p.mount_path = "/srv/kernels";
  ASSERT_TRUE(one().kubelet().run(p)) << one().csi().err();
  EXPECT_THAT(indices(one().kubelet().mount_of(p)), HasSubstr("\"/srv/kernels/"));
  EXPECT_THAT(indices(one().where().store()), Not(HasSubstr("/srv/kernels/")));
  EXPECT_TRUE(one().kubelet().end(p));
  ask_to_delete(cache);
  EXPECT_TRUE(is_gone(cache));
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(cluster, whole_story, testing::Bool(), [](const auto& which) {
  return std::string(which.param ? "of_a_cluster_cache" : "of_a_cache");
});

}  // namespace
}  // namespace gkm::support
