#include "k8s/watcher.hpp"

#include "on_fake_api.hpp"
#include "tests/support/story.hpp"

#include <gtest/gtest.h>

#include <future>

namespace gkm::k8s {
namespace {

using support::fake_api;
using support::fake_api_options;
using support::reply;
using support::seen_request;
using support::story;

/// "+a" changed, "-a" deleted, "=" synced, "!" and "ok" trouble.
watch_callbacks tell(story& to) {
  return {[&to](const object& o) { to.say("+" + std::string(o.name())); },
          [&to](const gone_object& g) { to.say("-" + g.key.name); }, [&to] { to.say("="); },
          [&to](const error* e) { to.say(e ? "!" : "ok"); }};
}

watch_options quick() {
  watch_options o;
  o.first_pause = std::chrono::milliseconds{1};
  o.longest_pause = std::chrono::milliseconds{5};
  return o;
}

class watching : public ::testing::TestWithParam<bool> {
protected:
  watching() : api_({GetParam(), "", {}}), client_(at(api_.url())) {}

  void put(const std::string& name, const std::string& image) {
    api_.put(cache_path(name), cache_json(name, image));
  }
  /// Until `intercept` is told otherwise, nobody can watch.
  void break_watches() {
    api_.wait_for_watches(1);
    api_.intercept([](const seen_request&) { return reply{503, "{}"}; });
    api_.end_watches();
    told_.until("!");
  }

  fake_api api_;
  story told_;
  client client_;
};

}  // namespace

TEST_P(watching, tells_what_is_there_and_then_what_changes) {
  put("a", "1");
  put("b", "1");
  watcher w(client_, gkm_caches, quick(), tell(told_));
  EXPECT_EQ(told_.until("="), "+a +b =");
  EXPECT_TRUE(w.has_synced());
  put("a", "2");
  EXPECT_EQ(told_.until("+a"), "+a");
  put("c", "1");
  EXPECT_EQ(told_.until("+c"), "+c");
  api_.remove(cache_path("b"));
  EXPECT_EQ(told_.until("-b"), "-b");
  EXPECT_EQ(api_.targets("watch=1").size(), GetParam() ? 1u : 2u);  // one was refused
}

TEST_P(watching, resumes_where_it_was) {
  put("a", "1");
  watcher w(client_, gkm_caches, quick(), tell(told_));
  told_.until("=");
  put("b", "1");
  told_.until("+b");
  api_.wait_for_watches(1);
  api_.end_watches();
  put("c", "1");
  EXPECT_EQ(told_.until("+c"), "+c");
  EXPECT_LE(api_.targets("limit=").size(), 1u);
}

TEST_P(watching, a_bookmark_moves_the_version) {
  put("a", "1");
  watcher w(client_, gkm_caches, quick(), tell(told_));
  told_.until("=");
  api_.wait_for_watches(1);
  // Of another collection: only a bookmark tells the watch that time went on.
  auto version = api_.put("/api/v1/nodes/n", R"({"metadata":{"name":"n"}})");
  auto requests = api_.server().requests().size();
  api_.send_bookmarks();
  api_.end_watches();
  api_.server().wait_for_requests(requests + 1);
  auto resumed = api_.targets("watch=1").back();
  EXPECT_NE(resumed.find("&resourceVersion=" + version + "&"), std::string::npos) << resumed;
}

TEST_P(watching, relists_when_the_server_has_forgotten) {
  put("a", "1");
  put("b", "1");
  put("c", "1");
  watcher w(client_, gkm_caches, quick(), tell(told_));
  told_.until("=");
  // While nobody can watch, b goes, c changes, d comes; a stays as it is.
  break_watches();
  api_.remove(cache_path("b"));
  put("c", "2");
  put("d", "1");
  api_.forget_history();
  api_.intercept(nullptr);
  auto words = told_.until("=");
  EXPECT_EQ(words.substr(words.find("+c")), "+c +d -b ok =");
  EXPECT_EQ(words.find("+a"), std::string::npos);
  put("e", "1");
  EXPECT_EQ(told_.until("+e"), "+e");
}

TEST_P(watching, is_told_within_a_stream_that_it_is_expired) {
  put("a", "1");
  watcher w(client_, gkm_caches, quick(), tell(told_));
  told_.until("=");
  api_.wait_for_watches(1);
  api_.forget_history();
  EXPECT_EQ(told_.until("="), "=");
}

TEST_P(watching, an_object_in_the_place_of_another_is_told_as_two) {
  put("a", "1");
  watcher w(client_, gkm_caches, quick(), tell(told_));
  told_.until("=");
  break_watches();
  api_.remove(cache_path("a"));
  put("a", "1");
  api_.forget_history();
  api_.intercept(nullptr);
  auto words = told_.until("=");
  EXPECT_EQ(words.substr(words.find("-a")), "-a +a ok =");
}

TEST_P(watching, keeps_objects_if_asked) {
  put("a", "1");
  auto options = quick();
  options.keep_objects = true;
  watcher w(client_, gkm_caches, options, tell(told_));
  told_.until("=");
  EXPECT_EQ(w.find({"ns", "a"}).text({"spec", "image"}), "1");
  put("a", "2");
  told_.until("+a");
  EXPECT_EQ(w.find({"ns", "a"}).text({"spec", "image"}), "2");
  EXPECT_EQ(w.all().size(), 1u);
  EXPECT_FALSE(w.find({"ns", "b"}));
}

TEST_P(watching, without_keeping_it_knows_names_only) {
  put("a", "1");
  watcher w(client_, gkm_caches, quick(), tell(told_));
  told_.until("=");
  EXPECT_FALSE(w.find({"ns", "a"}));
  EXPECT_TRUE(w.all().empty());
}

TEST_P(watching, selects) {
  put("a", "1");
  put("b", "1");
  auto options = quick();
  options.which = {"ns", "", "metadata.name=b"};
  watcher w(client_, gkm_caches, options, tell(told_));
  EXPECT_EQ(told_.until("="), "+b =");
  put("a", "2");
  put("b", "2");
  EXPECT_EQ(told_.until("+b"), "+b");
}

TEST_P(watching, after_stop_nothing_is_said) {
  put("a", "1");
  watcher w(client_, gkm_caches, quick(), tell(told_));
  told_.until("=");
  w.stop();
  put("b", "1");
  api_.end_watches();
  // A later watcher hears of it: what the first would have heard has been sent.
  story other;
  watcher later(client_, gkm_caches, quick(), tell(other));
  EXPECT_EQ(other.until("="), "+a +b =");
  EXPECT_TRUE(told_.silent());
}

TEST_P(watching, may_be_stopped_from_within) {
  put("a", "1");
  put("b", "1");
  std::unique_ptr<watcher> w;
  std::promise<watcher*> made;
  auto made_here = made.get_future().share();
  watch_callbacks callbacks;
  callbacks.changed = [&](const object& o) {
    told_.say("+" + std::string(o.name()));
    made_here.get()->stop();
    told_.say("stopped");
  };
  callbacks.synced = [&] { told_.say("="); };
  w = std::make_unique<watcher>(client_, gkm_caches, quick(), callbacks);
  made.set_value(w.get());
  EXPECT_EQ(told_.until("stopped"), "+a stopped");
  w.reset();
  EXPECT_TRUE(told_.silent());
}

TEST_P(watching, a_server_that_comes_back_makes_no_storm) {
  for (int i = 0; i < 20; ++i) put("c" + std::to_string(i), "1");
  watcher w(client_, gkm_caches, quick(), tell(told_));
  told_.until("=");
  api_.wait_for_watches(1);
  api_.intercept([&](const seen_request&) {
    reply hung_up;
    hung_up.wrong.hang_up = true;
    return hung_up;
  });
  api_.end_watches();
  told_.until("!", 3);
  api_.intercept(nullptr);
  put("c7", "2");
  auto words = told_.until("+c7") + " ";
  if (words.find("ok") == std::string::npos) words += told_.until("ok");
  EXPECT_EQ(words.find("+c7"), words.rfind("+c"));
}

TEST_P(watching, works_again_though_there_is_nothing_to_tell) {
  put("a", "1");
  watcher w(client_, gkm_caches, quick(), tell(told_));
  told_.until("=");
  break_watches();
  api_.intercept(nullptr);
  auto words = told_.until("ok");
  EXPECT_EQ(words.find('='), std::string::npos) << "resumed, not listed";
}

INSTANTIATE_TEST_SUITE_P(both_ways, watching, ::testing::Values(true, false),
                         [](const auto& p) { return p.param ? "streamed" : "listed"; });

TEST(watcher, falls_back_to_lists_at_once_when_the_servers_store_cannot_stream) {
  fake_api api;
  api.put(cache_path("a"), cache_json("a", "1"));
  api.intercept([&](const seen_request& r) -> std::optional<reply> {
    if (r.target.find("sendInitialEvents") == std::string::npos) return std::nullopt;
    return reply{200, R"({"type":"ERROR","object":{"kind":"Status","code":500,"message":"no"}})"
                      "\n"};
  });
  story told;
  client c(at(api.url()));
  watcher w(c, gkm_caches, quick(), tell(told));
  EXPECT_EQ(told.until("="), "+a =");
  EXPECT_EQ(api.targets("sendInitialEvents").size(), 1u);
}

TEST(watcher, waits_for_no_other_one_where_connections_are_not_shared) {
  fake_api api;
  story told_to_one, told_to_other;
  client c(at(api.url()));
  watcher one(c, gkm_caches, quick(), tell(told_to_one));
  watcher other(c, gkm_cache_nodes, quick(), tell(told_to_other));
  EXPECT_EQ(told_to_one.until("="), "=");
  EXPECT_EQ(told_to_other.until("="), "=");
}

TEST(watcher, falls_back_to_lists_when_streams_never_end_their_list) {
  fake_api api;
  api.put(cache_path("a"), cache_json("a", "1"));
  api.intercept([&](const seen_request& r) -> std::optional<reply> {
    if (r.target.find("sendInitialEvents") == std::string::npos) return std::nullopt;
    return reply{200, ""};
  });
  story told;
  client c(at(api.url()));
  watcher w(c, gkm_caches, quick(), tell(told));
  EXPECT_EQ(told.until("="), "+a =");
}

TEST(watcher, survives_whatever_a_server_sends) {
  std::vector<std::string> nonsense{"not json\n",
                                    "[]\n",
                                    "{}\n",
                                    R"({"type":7,"object":{}})"
                                    "\n",
                                    R"({"type":"ADDED","object":[]})"
                                    "\n",
                                    R"({"type":"ADDED","object":{"metadata":{"name":7}}})"
                                    "\n",
                                    R"({"type":"BOOKMARK","object":{}})"
                                    "\n",
                                    R"({"type":"ERROR","object":"x"})"
                                    "\n",
                                    R"({"type":"ERROR","object":{"code":"x","message":7}})"
                                    "\n",
                                    "\n\n{\"type\":"};
  std::atomic<size_t> next{0};
  fake_api api;  // after what its threads use
  api.put(cache_path("a"), cache_json("a", "1"));
  api.intercept([&](const seen_request& r) -> std::optional<reply> {
    auto i = next++;
    if (r.target.find("watch=1") == std::string::npos || i >= nonsense.size()) return std::nullopt;
    return reply{200, nonsense[i]};
  });
  story told;
  client c(at(api.url()));
  watcher w(c, gkm_caches, quick(), tell(told));
  auto words = told.until("=");
  EXPECT_NE(words.find("+a"), std::string::npos);
}

}  // namespace gkm::k8s
