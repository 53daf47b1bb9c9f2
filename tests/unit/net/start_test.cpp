#include "net/http.hpp"
#include "tests/support/registry/fault_server.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>

namespace gkm::net {
namespace {

using support::fault_server;
using support::gate;
using support::reply;
using support::seen_request;

class notes : public listener {
public:
  void on_head(const response_head& head) override {
    change([&] { status_ = head.status; });
  }
  void on_body(std::string_view bytes) override {
    change([&] { body_ += bytes; });
  }
  void on_end(const std::optional<error>& failure) override {
    change([&] {
      ++ends_;
      failure_ = failure;
    });
  }

  std::string wait_for_body(size_t bytes) {
    return wait([&] { return body_.size() >= bytes; }, body_);
  }
  std::optional<error> wait_for_end() {
    return wait([&] { return ends_ > 0; }, failure_);
  }
  int status() {
    std::lock_guard lock(mutex_);
    return status_;
  }
  int ends() {
    std::lock_guard lock(mutex_);
    return ends_;
  }

private:
  template <class F>
  void change(F f) {
    {
      std::lock_guard lock(mutex_);
      f();
    }
    changed_.notify_all();
  }
  template <class F, class T>
  T wait(F f, const T& value) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, f);
    return value;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int status_ = 0;
  std::string body_;
  int ends_ = 0;
  std::optional<error> failure_;
};

request to(const std::string& url) {
  request r;
  r.url = url;
  return r;
}

TEST(start, tells_head_body_and_end) {
  fault_server server([](const seen_request& r) { return reply{201, r.method + " " + r.body}; });
  engine http;
  auto who = std::make_shared<notes>();
  auto r = to(server.url("/x"));
  r.method = "PATCH";
  r.body = "{}";
  r.content_type = "application/merge-patch+json";
  ASSERT_TRUE(http.start(r, who));
  EXPECT_FALSE(who->wait_for_end());
  EXPECT_EQ(who->status(), 201);
  EXPECT_EQ(who->wait_for_body(0), "PATCH {}");
  EXPECT_EQ(server.requests()[0].header("content-type"), "application/merge-patch+json");
}

TEST(start, hands_on_what_is_there_before_the_rest_comes) {
  auto rest = std::make_shared<gate>();
  fault_server server([&](const seen_request&) {
    reply r{200, "onetwo"};
    r.chunked = true;
    r.wrong.hold_body = rest;
    r.wrong.hold_body_at = 3;
    return r;
  });
  engine http;
  auto who = std::make_shared<notes>();
  ASSERT_TRUE(http.start(to(server.url()), who));
  EXPECT_EQ(who->wait_for_body(3), "one");
  rest->open();
  EXPECT_FALSE(who->wait_for_end());
  EXPECT_EQ(who->wait_for_body(6), "onetwo");
}

TEST(start, cancelled_ends_once_and_closes_the_connection) {
  auto never = std::make_shared<gate>();
  fault_server server([&](const seen_request&) {
    reply r{200, "xy"};
    r.wrong.hold_body = never;
    r.wrong.hold_body_at = 1;
    return r;
  });
  engine http;
  auto who = std::make_shared<notes>();
  auto cancel = http.start(to(server.url()), who);
  ASSERT_TRUE(cancel);
  who->wait_for_body(1);
  (*cancel)();
  (*cancel)();
  auto failure = who->wait_for_end();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, errc::cancelled);
  http.close();
  EXPECT_EQ(who->ends(), 1);
}

TEST(start, closing_ends_what_runs_and_what_comes_later) {
  auto never = std::make_shared<gate>();
  fault_server server([&](const seen_request&) {
    reply r;
    r.wrong.hold_head = never;
    return r;
  });
  engine http;
  auto first = std::make_shared<notes>();
  ASSERT_TRUE(http.start(to(server.url()), first));
  http.close();
  EXPECT_EQ(first->wait_for_end()->code, errc::cancelled);
  auto second = std::make_shared<notes>();
  ASSERT_TRUE(http.start(to(server.url()), second));
  EXPECT_EQ(second->wait_for_end()->code, errc::cancelled);
}

TEST(start, may_be_asked_from_within_an_end) {
  fault_server server([](const seen_request&) { return reply{200, "x"}; });
  engine http;
  struct chain : notes {
    void on_end(const std::optional<error>& failure) override {
      ASSERT_TRUE(http->start(next, then));
      notes::on_end(failure);
    }
    engine* http;
    request next;
    std::shared_ptr<notes> then = std::make_shared<notes>();
  };
  auto who = std::make_shared<chain>();
  who->http = &http;
  who->next = to(server.url("/second"));
  ASSERT_TRUE(http.start(to(server.url("/first")), who));
  EXPECT_FALSE(who->then->wait_for_end());
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST(start, refuses_what_cannot_be_asked) {
  engine http;
  auto who = std::make_shared<notes>();
  EXPECT_EQ(http.start(to("ftp://x/"), who).error().code, errc::refused);
  EXPECT_EQ(who->ends(), 0);
}

TEST(after, runs_jobs_in_the_order_of_their_pauses) {
  engine http;
  std::promise<std::string> done;
  std::string order;
  http.after(std::chrono::milliseconds{30}, [&] { done.set_value(order + "c"); });
  http.after(std::chrono::milliseconds{15}, [&] { order += "b"; });
  http.after(std::chrono::milliseconds{0}, [&] { order += "a"; });
  EXPECT_EQ(done.get_future().get(), "abc");
}

TEST(after, drops_jobs_when_the_engine_closes) {
  auto held = std::make_shared<int>();
  {
    engine http;
    http.after(std::chrono::hours{1}, [held] { FAIL(); });
    http.close();
    http.after(std::chrono::milliseconds{0}, [held] { FAIL(); });
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace gkm::net
