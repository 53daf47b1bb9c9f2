// `gkm up` over time: registries that come and go, tags that move, restarts, company.
#include "base/files.hpp"
#include "base/sha256.hpp"
#include "messages/paths.hpp"
#include "messages/volume.hpp"
#include "real_registry.hpp"
#include "tests/support/build_tree.hpp"
#include "tests/support/registry/cache_image.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <csignal>

namespace gkm::support {
namespace {

using testing::HasSubstr;

class up_real : public real_registry_test {};

TEST_F(up_real, heals_when_the_registry_comes_and_when_credentials_do) {
  pack(sample("gfx90a"), "v1");
  auto htpasswd = bench_.root() / "htpasswd";
  write_whole(htpasswd, run_program({"htpasswd", "-Bbn", "ann", "secret"}, bench_.output()));
  registry_plan plan;
  plan.htpasswd = htpasswd;
  auto registry = std::make_unique<registry_server>(bench_.root() / "registry", plan);
  plan.port = registry->port();
  auto name =
      push("v1", registry->authority(), {"--dest-tls-verify=false", "--dest-creds", "ann:secret"});
  auto authority = registry->authority();
  registry.reset();
  auto auth = [&](const std::string& encoded) {
    auto folder = bench_.root() / "home" / ".docker";
    std::filesystem::create_directories(folder);
    write_whole(folder / "config.json",
                R"({"auths":{")" + authority + R"(":{"auth":")" + encoded + R"("}}})");
  };
  auth("YW5uOndyb25n");
  auto up = bench_.up();
  bench_.want("c", name);
  EXPECT_THAT(bench_.wait_error("c", errc::unavailable).message, HasSubstr(authority));
  registry = std::make_unique<registry_server>(bench_.root() / "registry", plan);
  EXPECT_THAT(bench_.wait_error("c", errc::unauthorized).message, HasSubstr(authority));
  auth("YW5uOnNlY3JldA==");
  bench_.want("c", name);
  auto s = bench_.wait_ready("c");
  EXPECT_EQ(tree_of(s.path), tree_of(bench_.root() / "sample-gfx90a"));
  bench_.wait_store(1);
  up.send_signal(SIGTERM);
  EXPECT_EQ(up.wait(), 0);
}

class up : public testing::Test {
protected:
  const cache_image first_ = cache_image().layer(kernel_layer(0x3f, 1000).finished());
  const cache_image second_ = cache_image().layer(kernel_layer(0x3f, 2000).finished());
  workbench bench_;
};

TEST_F(up, heals_when_the_tag_comes) {
  image_registry registry(first_);
  auto up = bench_.up();
  bench_.want("c", registry.name("later"));
  EXPECT_THAT(bench_.wait_error("c", errc::not_found).message, HasSubstr(registry.name("later")));
  registry.add("later", first_);
  bench_.wait_ready("c");
}

TEST_F(up, follows_a_tag_that_moved_when_its_file_is_touched) {
  image_registry registry(first_);
  auto up = bench_.up();
  bench_.want("c", registry.name());
  EXPECT_EQ(bench_.wait_ready("c").stored.manifest.str(), first_.digest());
  registry.add("v1", second_);
  bench_.want("c", registry.name());
  auto s = bench_.wait_for("c", "has the new digest", [&](const cache_status& seen) {
    return seen.state == cache_state::extracted && seen.stored.manifest.str() == second_.digest();
  });
  bench_.wait_store(1);
  EXPECT_EQ(bench_.stored().front(), second_.digest().substr(7));
  EXPECT_EQ(tree_of(s.path).size(), 3U);
}

TEST_F(up, has_its_caches_at_once_after_a_restart_without_a_registry) {
  std::string name;
  {
    image_registry registry(first_);
    name = registry.name();
    bench_.want("c", name);
    auto once = bench_.up({"--once"});
    EXPECT_EQ(once.wait(), 0) << once.out() << once.err();
  }
  auto up = bench_.up();
  auto s = bench_.wait_for("c", "says that it cannot ask", [](const cache_status& seen) {
    return seen.state == cache_state::extracted && !seen.warnings.empty();
  });
  EXPECT_EQ(tree_of(s.path).size(), 3U);
  EXPECT_THAT(s.warnings.front(), HasSubstr("127.0.0.1"));
}

/// As gkm-csi records it.
class volume {
public:
  volume(const workbench& bench, const std::string& digest)
      : file_(paths::below(bench.state()).volume(base::sha256::of("csi-1").hex)) {
    volume_record r;
    r.volume_id = "csi-1";
    r.phase = volume_phase::mounted;
    r.boot = base::boot_id().value_or("");
    r.target = "/target";
    r.ref = {"default", "c"};
    r.manifest = digest::parse(digest).value_or(gkm::digest{});
    r.pod_ns = "default";
    r.pod_name = "pod";
    EXPECT_TRUE(base::write_file_atomically(file_, print_volume_record(r)));
  }
  void erase() { std::filesystem::remove(file_); }

private:
  std::filesystem::path file_;
};

TEST_F(up, keeps_what_a_pod_uses_until_the_pod_goes) {
  image_registry registry(first_);
  auto up = bench_.up();
  bench_.want("c", registry.name());
  bench_.wait_ready("c");
  volume pod(bench_, first_.digest());
  bench_.wait_for("c", "is in use",
                  [](const cache_status& s) { return s.state == cache_state::running; });
  EXPECT_THAT(bench_.gkm({"status"}).out, testing::ContainsRegex("PODS.*\n.* 1 "));
  registry.add("v1", second_);
  bench_.want("c", registry.name());
  auto s = bench_.wait_for("c", "has the new digest", [&](const cache_status& seen) {
    return seen.state == cache_state::extracted && seen.stored.manifest.str() == second_.digest();
  });
  ASSERT_EQ(s.volumes.size(), 1U);
  EXPECT_EQ(s.volumes[0].manifest.str(), first_.digest());
  EXPECT_EQ(s.volumes[0].pod_name, "pod");
  auto wide = bench_.gkm({"status", "-o", "wide"}).out;
  EXPECT_THAT(wide, HasSubstr(" 0 +1 old "));
  EXPECT_THAT(wide, HasSubstr(s.volumes[0].manifest.brief()));
  bench_.wait_store(2);
  up.send_signal(SIGKILL);
  up.wait();
  auto again = bench_.up();
  bench_.wait_for("c", "is shown with its pod again", [](const cache_status& seen) {
    return seen.state == cache_state::extracted && seen.volumes.size() == 1;
  });
  bench_.wait_store(2);
  pod.erase();
  bench_.wait_store(1);
  EXPECT_EQ(bench_.stored().front(), second_.digest().substr(7));
}

TEST_F(up, is_followed_by_status_w) {
  image_registry registry(first_);
  auto up = bench_.up();
  eventually("there is a state", [&] { return bench_.gkm({"status"}).code == 0; });
  auto follower = bench_.start({"status", "-w"});
  bench_.want("c", registry.name());
  EXPECT_TRUE(eventually("the follower tells",
                         [&] { return follower.out().find("Extracted") != std::string::npos; }))
      << follower.out() << follower.err();
  volume pod(bench_, first_.digest());
  EXPECT_TRUE(eventually("and that it is used", [&] {
    return follower.out().find("Running") != std::string::npos;
  })) << follower.out();
  auto waited = bench_.gkm({"wait", "default/c", "--timeout", "60s"});
  EXPECT_EQ(waited.code, 0) << waited.err;
  std::filesystem::remove(bench_.caches() / "c.yaml");
  pod.erase();
  EXPECT_TRUE(eventually("and that it is gone", [&] {
    return follower.out().find("Gone") != std::string::npos;
  })) << follower.out();
  follower.send_signal(SIGINT);
  follower.wait();
}

TEST_F(up, shares_its_state_directory_with_nobody) {
  auto first = bench_.up();
  eventually("the first runs", [&] { return bench_.gkm({"status"}).out.find("No caches") == 0; });
  auto second = bench_.up();
  EXPECT_EQ(second.wait(), 9);
  EXPECT_THAT(second.err(), HasSubstr(std::to_string(first.pid())));
  EXPECT_THAT(second.err(), HasSubstr("'" + bench_.state().string()));
  EXPECT_TRUE(first.is_running());
  first.send_signal(SIGKILL);
  first.wait();
  auto third = bench_.up({"--once"});
  EXPECT_EQ(third.wait(), 0) << third.err();
}

TEST_F(up, works_for_an_ordinary_user) {
  auto program_file = program("gkm");
  for (auto p = std::filesystem::path(program_file).parent_path(); p != p.root_path();
       p = p.parent_path()) {
    struct stat s {};
    ASSERT_EQ(::stat(p.c_str(), &s), 0);
    if ((s.st_mode & S_IXOTH) != 0) continue;
    // Where the build lies in root's home: nobody gets a copy.
    std::filesystem::copy_file(program_file, bench_.root() / "gkm");
    program_file = bench_.root() / "gkm";
    break;
  }
  write_layout(bench_.root() / "layout", "v1", first_);
  bench_.be_nobody();
  bench_.want("c", "oci:" + (bench_.root() / "layout").string() + ":v1");
  child_process up({{program_file, "up", bench_.caches(), "--state-dir", bench_.state(), "--once"},
                    bench_.environment(),
                    bench_.output(),
                    true});
  EXPECT_EQ(up.wait(), 0) << up.err();
  auto s = bench_.status("c");
  EXPECT_EQ(s.state, cache_state::extracted);
  EXPECT_EQ(tree_of(s.path).size(), 3U);
  struct stat owner {};
  ASSERT_EQ(::stat(s.path.c_str(), &owner), 0);
  EXPECT_NE(owner.st_uid, 0U);
}

}  // namespace
}  // namespace gkm::support
