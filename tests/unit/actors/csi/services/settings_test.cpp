#include "actors/csi/services/settings.hpp"

#include "actors/csi/services/scratch_settings.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace gkm::csi {
namespace {

command_line read(std::vector<std::string> words) {
  words.insert(words.begin(), "gkm-csi");
  std::vector<char*> arguments;
  for (auto& w : words) arguments.push_back(w.data());
  return read_command_line(static_cast<int>(arguments.size()), arguments.data());
}

class settings_test : public testing::Test {
protected:
  settings_test() {
    for (const auto* name : {"CSI_ENDPOINT", "KUBE_NODE_NAME", "GKM_LOG", "GO_LOG"})
      ::unsetenv(name);
  }
};

TEST_F(settings_test, has_kubelets_places_as_defaults) {
  auto line = read({"--node-id", "node-1"});
  ASSERT_TRUE(line.wanted);
  EXPECT_EQ(line.wanted->endpoint, "/var/lib/kubelet/plugins/csi-gkm/csi.sock");
  EXPECT_EQ(line.wanted->registration, "/var/lib/kubelet/plugins_registry/csi.gkm.io-reg.sock");
  EXPECT_EQ(line.wanted->kubelet_root, "/var/lib/kubelet");
  EXPECT_EQ(line.wanted->state_dir, "/var/lib/gkm");
  EXPECT_EQ(line.wanted->run_dir, "/run/gkm");
  EXPECT_EQ(line.wanted->log_level, base::log::level::info);
}

TEST_F(settings_test, follows_another_root) {
  auto line = read({"--node-id", "n", "--kubelet-root", "/k", "--state-dir", "/s"});
  ASSERT_TRUE(line.wanted);
  EXPECT_EQ(line.wanted->registration, "/k/plugins_registry/csi.gkm.io-reg.sock");
  EXPECT_EQ(line.wanted->run_dir, "/s/run");
}

TEST_F(settings_test, registers_nowhere_where_that_is_said) {
  auto line = read({"--node-id", "n", "--registration-dir", ""});
  ASSERT_TRUE(line.wanted);
  EXPECT_TRUE(line.wanted->registration.empty());
}

TEST_F(settings_test, heeds_the_environment) {
  ::setenv("CSI_ENDPOINT", "unix:///e/s", 1);
  ::setenv("KUBE_NODE_NAME", "from-env", 1);
  ::setenv("GO_LOG", "DEBUG", 1);
  auto line = read({});
  ASSERT_TRUE(line.wanted);
  EXPECT_EQ(line.wanted->endpoint, "/e/s");
  EXPECT_EQ(line.wanted->node_id, "from-env");
  EXPECT_EQ(line.wanted->log_level, base::log::level::debug);
  EXPECT_EQ(read({"--node-id", "flag"}).wanted->node_id, "flag");
}

TEST_F(settings_test, bounds_what_pods_write_by_flags_before_the_clusters_settings) {
  auto line = read({"--node-id", "n", "--config-dir", "/c", "--scratch-pod-size", "5Gi"});
  ASSERT_TRUE(line.wanted);
  EXPECT_EQ(line.wanted->scratch.pod, (share{5ULL << 30, false}));
  EXPECT_EQ(line.wanted->scratch.volume, standard_scratch_limits().volume);
  EXPECT_EQ(line.wanted->scratch_config_dir, "/c");
  const auto& followed = line.wanted->scratch_keys;
  EXPECT_EQ(followed.size(), scratch_limit_names().size() - 1);
  EXPECT_EQ(std::count(followed.begin(), followed.end(), scratch_setting::pod), 0);
  EXPECT_EQ(read({"--node-id", "n", "--scratch-pod-size", "a lot"}).exit_code, 2);
}

TEST(scratch_settings_test, follow_their_files) {
  base::log::configure(base::log::level::off, false);
  support::temp_dir dir;
  auto file = dir / scratch_setting::volume;
  std::ofstream(file) << "1Gi";
  std::mutex mutex;
  std::optional<share> now;
  scratch_settings settings(dir.path(), {scratch_setting::volume}, standard_scratch_limits(),
                            [&](const scratch_limits& l) {
                              std::lock_guard lock(mutex);
                              now = l.volume;
                            });
  auto is = [&](std::optional<share> wanted) {
    std::lock_guard lock(mutex);
    return now == wanted;
  };
  EXPECT_TRUE(is(share{1ULL << 30, false}));
  std::ofstream(file) << "no size";
  std::ofstream(dir / "next") << "5%";
  std::filesystem::rename(dir / "next", file);
  EXPECT_TRUE(support::eventually("it is followed", [&] { return is(share{5, true}); }));
  std::filesystem::remove(file);
  EXPECT_TRUE(support::eventually("what was given is in force again",
                                  [&] { return is(standard_scratch_limits().volume); }));
}

TEST_F(settings_test, ends_with_2_for_wrong_usage_and_0_for_help) {
  EXPECT_EQ(read({"--no-such-flag"}).exit_code, 2);
  EXPECT_EQ(read({"word"}).exit_code, 2);
  EXPECT_EQ(read({}).exit_code, 2);
  EXPECT_EQ(read({"--node-id", "a\nb"}).exit_code, 2);
  EXPECT_EQ(read({"--node-id", "n", "--kubelet-root", "relative"}).exit_code, 2);
  EXPECT_EQ(read({"--node-id", "n", "--log-level", "loud"}).exit_code, 2);
  EXPECT_EQ(read({"--node-id", "n", "--kubelet-root", "/" + std::string(100, 'k')}).exit_code, 2);
  for (const auto* flag : {"--help", "--version"}) {
    auto line = read({flag});
    EXPECT_FALSE(line.wanted);
    EXPECT_EQ(line.exit_code, 0);
  }
}

TEST_F(settings_test, takes_an_endpoint_with_or_without_its_scheme) {
  for (const auto* text : {"unix:///run/c.sock", "unix:/run/c.sock", "/run/c.sock"})
    EXPECT_EQ(parse_endpoint(text).value(), "/run/c.sock");
  for (const auto* text : {"", "c.sock", "tcp://127.0.0.1:1", "unix://c.sock", "/a/../b"})
    EXPECT_FALSE(parse_endpoint(text)) << text;
  EXPECT_TRUE(parse_endpoint("/" + std::string(106, 'x')));
  EXPECT_FALSE(parse_endpoint("/" + std::string(107, 'x')));
}

}  // namespace
}  // namespace gkm::csi
