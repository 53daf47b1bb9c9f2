#include "actors/agent/wanted_caches.hpp"

#include "base/program/log.hpp"
#include "views.hpp"

#include <gtest/gtest.h>

namespace gkm::node {
namespace {

class wanted_caches_test : public testing::Test {
protected:
  wanted_caches_test() { base::log::configure(base::log::level::off, false); }

  static cache_object cache(char judged, const std::string& name = "x") {
    cache_object c;
    c.ref = {"default", name};
    c.image = "quay.io/team/cache:latest";
    if (judged) {
      c.status.resolved = digest_of(judged);
      c.status.resolved_image = image_of(judged).str();
    }
    return c;
  }
  std::string take() { return std::exchange(told_, ""); }

  std::string told_;
  wanted_caches all_{"gkm-system",
                     {[this](const cache_spec& s) {
                        told_ += "+" + s.ref.name + ":" + s.image.pinned.hex.substr(0, 1);
                      },
                      [this](const cache_ref& r) { told_ += "-" + r.name; }}};
};

}  // namespace

TEST_F(wanted_caches_test, an_image_that_nobody_judged_is_not_wanted) {
  auto c = cache(0);
  c.image = image_of('a').str();
  c.admitted_digest = digest_of('a');
  all_.changed(c);
  EXPECT_EQ(take(), "") << "neither spec nor annotation counts";
  all_.changed(cache('a'));
  EXPECT_EQ(take(), "+x:a");
  all_.changed(cache(0));
  EXPECT_EQ(take(), "-x");
}

TEST_F(wanted_caches_test, a_status_that_contradicts_itself_is_not_acted_on) {
  for (const char* image : {"", "quay.io/team/cache:latest", "oci:/etc", "no image at all"}) {
    auto c = cache('a');
    c.status.resolved_image = image;
    all_.changed(c);
    EXPECT_EQ(take(), "") << image;
  }
  auto c = cache('a');
  c.status.resolved = digest_of('b');
  all_.changed(c);
  EXPECT_EQ(take(), "");
}

TEST_F(wanted_caches_test, what_concerns_nobody_here_is_not_told) {
  all_.changed(cache('a'));
  take();
  auto c = cache('a');
  c.status.counts.nodes = 9;
  c.object.resource_version = "2";
  all_.changed(c);
  EXPECT_EQ(take(), "");
  all_.changed(cache('b'));
  EXPECT_EQ(take(), "+x:b");
}

TEST_F(wanted_caches_test, what_is_being_deleted_is_let_go_once) {
  all_.changed(cache('a'));
  take();
  auto c = cache('a');
  c.object.deleting = true;
  all_.changed(c);
  EXPECT_EQ(take(), "-x");
  all_.changed(c);
  all_.gone(c.ref);
  EXPECT_EQ(take(), "");
  EXPECT_EQ(all_.size(), 0u);
}

TEST_F(wanted_caches_test, a_selector_is_decided_when_the_node_is_known) {
  auto c = cache('a');
  c.node_selector = {{"gpu", "big"}};
  all_.changed(c);
  all_.changed(cache('a', "everywhere"));
  EXPECT_EQ(take(), "+everywhere:a");
  all_.node_is({{"gpu", "small"}});
  EXPECT_EQ(take(), "");
  all_.node_is({{"gpu", "big"}, {"zone", "1"}});
  EXPECT_EQ(take(), "+x:a");
  all_.node_is({{"zone", "1"}});
  EXPECT_EQ(take(), "-x");
}

TEST_F(wanted_caches_test, pull_secrets_are_of_the_caches_namespace) {
  auto c = cache('a');
  c.pull_secrets = {"login", "", "other"};
  EXPECT_EQ(spec_of(c, "gkm-system")->pull_secrets,
            (std::vector<std::string>{"default/login", "default/other"}));
  c.ref.ns.clear();
  EXPECT_EQ(spec_of(c, "gkm-system")->pull_secrets.front(), "gkm-system/login");
}

}  // namespace gkm::node
