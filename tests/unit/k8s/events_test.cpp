#include "k8s/events.hpp"

#include "on_fake_api.hpp"

#include <gtest/gtest.h>

namespace gkm::k8s {
namespace {

using support::fake_api;
using support::reply;
using support::seen_request;

event pulled(const std::string& note = "pulled it") {
  return {{"gkm.io/v1alpha1", "GKMCache", {"ns", "x"}, "u-1"}, false, "Extracted", "Extract", note};
}

class recording : public ::testing::Test {
protected:
  recording() : client_(at(api_.url())) {}

  recorder_options options(std::chrono::milliseconds pause) {
    recorder_options o;
    o.controller = "gkm.io/agent";
    o.instance = "gkm-agent-abc";
    o.pause = pause;
    o.unix_us = [] { return int64_t{1762162200000042}; };
    return o;
  }

  /// Everything that was recorded before has been sent, or waits for a pause.
  void drain() {
    wait_for<std::string>([&](auto r) {
      client_.after(std::chrono::milliseconds{0},
                    [&, r] { client_.get_text("/apis/x/y/drained/z", r); });
    });
  }

  std::vector<seen_request> writes() {
    auto all = api_.server().requests();
    std::erase_if(all, [](const auto& r) { return r.method == "GET"; });
    return all;
  }

  fake_api api_;
  client client_;
};

constexpr std::chrono::milliseconds never{3'600'000};
constexpr std::chrono::milliseconds at_once{0};

}  // namespace

TEST_F(recording, writes_what_kubectl_describe_shows) {
  event_recorder recorder(client_, options(never));
  recorder.record(pulled());
  api_.server().wait_for_requests(1);
  auto sent = writes().at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.target, "/apis/events.k8s.io/v1/namespaces/ns/events");
  auto e = object::parse(sent.body);
  ASSERT_TRUE(e) << e.error().message;
  EXPECT_TRUE(e->name().starts_with("x."));
  EXPECT_EQ(e->text({"eventTime"}), "2025-11-03T09:30:00.000042Z");
  EXPECT_EQ(e->text({"type"}), "Normal");
  EXPECT_EQ(e->text({"reason"}), "Extracted");
  EXPECT_EQ(e->text({"action"}), "Extract");
  EXPECT_EQ(e->text({"note"}), "pulled it");
  EXPECT_EQ(e->text({"reportingController"}), "gkm.io/agent");
  EXPECT_EQ(e->text({"reportingInstance"}), "gkm-agent-abc");
  EXPECT_EQ(e->text({"regarding", "kind"}), "GKMCache");
  EXPECT_EQ(e->text({"regarding", "namespace"}), "ns");
  EXPECT_EQ(e->text({"regarding", "uid"}), "u-1");
}

TEST_F(recording, what_has_no_namespace_goes_to_the_default_one) {
  event_recorder recorder(client_, options(never));
  auto e = pulled();
  e.subject.key = {"", "x"};
  recorder.record(e);
  api_.server().wait_for_requests(1);
  EXPECT_EQ(writes().at(0).target, "/apis/events.k8s.io/v1/namespaces/default/events");
}

TEST_F(recording, retries_are_not_written_one_by_one) {
  event_recorder recorder(client_, options(never));
  for (int i = 0; i < 100; ++i) recorder.record(pulled("attempt " + std::to_string(i)));
  api_.server().wait_for_requests(1);
  drain();
  EXPECT_EQ(writes().size(), 1u);
}

TEST_F(recording, repetition_becomes_a_series) {
  event_recorder recorder(client_, options(at_once));
  recorder.record(pulled());
  api_.server().wait_for_requests(1);
  recorder.record(pulled());
  api_.server().wait_for_requests(2);
  recorder.record(pulled());
  api_.server().wait_for_requests(3);
  auto sent = writes();
  EXPECT_EQ(sent[1].method, "PATCH");
  EXPECT_EQ(sent[2].body,
            R"({"series":{"count":3,"lastObservedTime":"2025-11-03T09:30:00.000042Z"}})");
  EXPECT_EQ(sent[1].target, sent[2].target);
}

TEST_F(recording, a_new_note_is_a_new_event) {
  event_recorder recorder(client_, options(at_once));
  recorder.record(pulled("one"));
  api_.server().wait_for_requests(1);
  recorder.record(pulled("two"));
  api_.server().wait_for_requests(2);
  EXPECT_EQ(object::parse(writes().at(1).body)->text({"note"}), "two");
}

TEST_F(recording, other_subjects_and_reasons_are_other_events) {
  event_recorder recorder(client_, options(never));
  auto other_subject = pulled();
  other_subject.subject.key.name = "y";
  auto other_reason = pulled();
  other_reason.reason = "Failed";
  other_reason.warning = true;
  for (const auto& e : {pulled(), other_subject, other_reason}) recorder.record(e);
  api_.server().wait_for_requests(3);
  EXPECT_EQ(writes().size(), 3u);
}

TEST_F(recording, an_event_that_the_api_has_forgotten_is_made_anew) {
  event_recorder recorder(client_, options(at_once));
  recorder.record(pulled());
  api_.server().wait_for_requests(1);
  drain();
  auto made = object::parse(writes().at(0).body);
  api_.remove("/apis/events.k8s.io/v1/namespaces/ns/events/" + std::string(made->name()));
  recorder.record(pulled());
  api_.server().wait_for_requests(4);  // with what `drain` asked
  auto sent = writes();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[1].method, "PATCH");
  EXPECT_EQ(sent[2].method, "POST");
}

TEST_F(recording, remembers_no_more_than_it_may) {
  auto o = options(never);
  o.most_open = 10;
  event_recorder recorder(client_, o);
  for (int i = 0; i < 30; ++i) {
    auto e = pulled();
    e.subject.key.name = "x" + std::to_string(i);
    recorder.record(e);
  }
  api_.server().wait_for_requests(30);
}

TEST_F(recording, a_series_that_has_ended_is_forgotten_though_nothing_else_happens) {
  auto o = options(never);
  o.series_end = std::chrono::milliseconds{50};
  event_recorder recorder(client_, o);
  auto remembered = [&] {
    return wait_for<size_t>([&](auto r) { recorder.count_open([r](size_t n) { r(n); }); }).value();
  };
  for (int i = 0; i < 30; ++i) {
    auto e = pulled();
    e.subject.key.name = "x" + std::to_string(i);
    recorder.record(e);
  }
  EXPECT_EQ(remembered(), 30u);
  auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (remembered() > 0u && std::chrono::steady_clock::now() < limit)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  EXPECT_EQ(remembered(), 0u);
}

TEST_F(recording, long_and_broken_notes_are_cut) {
  event_recorder recorder(client_, options(never));
  recorder.record(pulled(std::string(5'000, 'n') + "\xff"));
  api_.server().wait_for_requests(1);
  EXPECT_EQ(object::parse(writes().at(0).body)->text({"note"}).size(), 1'024u);
}

}  // namespace gkm::k8s
