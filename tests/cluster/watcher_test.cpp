// Watches on the real thing: what they tell, how they are asked for, and what an outage does.
#include "k8s/watcher.hpp"

#include "k8s/objects/patch.hpp"
#include "tests/support/kube/cluster_test.hpp"
#include "tests/support/kube/k8s_answers.hpp"
#include "tests/support/kube/kube_identities.hpp"
#include "tests/support/story.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace gkm::k8s {
namespace {

using support::story;
using support::wait_for;
using ::testing::HasSubstr;

constexpr auto ns = "watcher-test";

config admin_of(const support::kube_server& server) {
  kubeconfig_options o;
  o.file = server.admin().kubeconfig();
  return *from_kubeconfig(o);
}

/// "+a" changed, "-a" deleted, "=" synced, "!" and "ok" trouble.
watch_callbacks tell(story& to) {
  return {[&to](const object& o) { to.say("+" + std::string(o.name())); },
          [&to](const gone_object& g) { to.say("-" + g.key.name); }, [&to] { to.say("="); },
          [&to](const error* e) { to.say(e ? "!" : "ok"); }};
}

watch_options labelled(const std::string& label, bool streaming) {
  watch_options o;
  o.which = {ns, "test=" + label, ""};
  o.streaming_list = streaming;
  o.longest_pause = std::chrono::milliseconds{1'000};
  return o;
}

void put(const support::kubectl& as, const std::string& name, const std::string& label,
         const std::string& value) {
  as.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name + ", namespace: " + ns +
           ", labels: {test: " + label + "}}, data: {key: '" + value + "'}}");
}

void remove(const support::kubectl& as, const std::string& name) {
  as.run({"delete", "configmap", name, "-n", ns});
}

std::set<std::string> own_sockets() {
  std::set<std::string> inodes;
  for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    auto target = std::filesystem::read_symlink(fd.path(), gone).string();
    if (target.starts_with("socket:[")) inodes.insert(target.substr(8, target.size() - 9));
  }
  return inodes;
}

/// Established connections of this process to that port.
size_t connections_to(uint16_t port) {
  char end[16];
  std::snprintf(end, sizeof end, ":%04X", port);
  auto own = own_sockets();
  size_t count = 0;
  std::ifstream in("/proc/self/net/tcp");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
    if (fields.size() > 9 && fields[2].ends_with(end) && fields[3] == "01" &&
        own.contains(fields[9]))
      ++count;
  }
  return count;
}

class watches : public support::cluster_test {
protected:
  void SetUp() override {
    cluster_test::SetUp();
    if (!IsSkipped()) support::make_namespace(server(), ns);
  }
};

class watches_both_ways : public watches, public ::testing::WithParamInterface<bool> {
protected:
  std::string label() const { return GetParam() ? "streamed" : "listed"; }
};

}  // namespace

TEST_P(watches_both_ways, tell_what_is_there_and_what_changes) {
  client c(admin_of(server()));
  story told;
  put(admin(), label() + "-a", label(), "1");
  watcher w(c, config_maps, labelled(label(), GetParam()), tell(told));
  EXPECT_EQ(told.until("="), "+" + label() + "-a =");
  put(admin(), label() + "-a", label(), "2");
  told.until("+" + label() + "-a");
  put(admin(), label() + "-b", label(), "1");
  told.until("+" + label() + "-b");
  remove(admin(), label() + "-a");
  EXPECT_EQ(told.until("-" + label() + "-a"), "-" + label() + "-a");
  // What loses its label is gone for this watch.
  admin().run({"label", "configmap", label() + "-b", "-n", ns, "test-"});
  EXPECT_EQ(told.until("-" + label() + "-b"), "-" + label() + "-b");
}

INSTANTIATE_TEST_SUITE_P(all, watches_both_ways, ::testing::Values(true, false),
                         [](const auto& p) { return p.param ? "streamed" : "listed"; });

TEST_F(watches, share_one_connection) {
  support::kube_server own(*support::find_kube_programs());
  client c(admin_of(own));
  story told;
  std::vector<std::unique_ptr<watcher>> all;
  for (const auto* what : {&config_maps, &secrets, &pods, &nodes, &namespaces, &leases})
    all.push_back(std::make_unique<watcher>(c, *what, watch_options{}, tell(told)));
  told.until("=", 6);
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(wait_for<std::string>([&](auto r) { c.get_text("/version", r); }));
  auto url = own.url();
  EXPECT_EQ(connections_to(static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)))), 1u);
}

TEST_F(watches, go_on_after_an_outage_with_what_was_missed) {
  support::kube_server own(*support::find_kube_programs());
  support::make_namespace(own, ns);
  for (const auto* name : {"a", "b", "c"}) put(own.admin(), name, "outage", "1");
  client c(admin_of(own));
  story told;
  watcher w(c, config_maps, labelled("outage", true), tell(told));
  EXPECT_EQ(told.until("="), "+a +b +c =");
  own.stop();
  told.until("!");
  own.start();
  put(own.admin(), "b", "outage", "2");
  remove(own.admin(), "c");
  auto words = told.until("-c");
  EXPECT_THAT(words, HasSubstr("ok"));
  EXPECT_THAT(words, HasSubstr("+b"));
  EXPECT_EQ(words.find("+a"), std::string::npos) << words;
}

}  // namespace gkm::k8s
