// Registries that lie, break off, or take their time, and people who lose patience.
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>

namespace gkm::support {
namespace {

using testing::HasSubstr;

bool is_blob(const seen_request& r) { return r.path().find("/blobs/") != std::string::npos; }
bool is_manifest(const seen_request& r) {
  return r.path().find("/manifests/") != std::string::npos;
}

reply with_status(int status, std::vector<std::pair<std::string, std::string>> headers = {}) {
  reply r;
  r.status = status;
  r.body = "no";
  r.headers = std::move(headers);
  return r;
}

class faults : public testing::Test {
protected:
  bool is_layer(const seen_request& r) const { return r.path().ends_with(image_.layer_digest()); }
  void expect_nothing_left() { EXPECT_EQ(tree_of(parent()).size(), 0U); }
  outcome pull(const std::string& digest = "") {
    std::filesystem::create_directory(parent());
    auto name = digest.empty() ? registry_.name()
                               : registry_.server().authority() + "/team/cache@" + digest;
    return bench_.gkm({"pull", name, parent() / "to"});
  }
  outcome expect_failed(int code, const std::string& digest = "") {
    auto said = pull(digest);
    EXPECT_EQ(said.code, code) << said.err;
    EXPECT_THAT(said.err, HasSubstr(registry_.server().authority()));
    expect_nothing_left();
    return said;
  }
  void expect_pulled() {
    auto said = pull();
    EXPECT_EQ(said.code, 0) << said.err;
    EXPECT_EQ(tree_of(parent() / "to").size(), 3U);
  }
  std::filesystem::path parent() const { return bench_.root() / "parent"; }

  const cache_image image_ = cache_image().layer(kernel_layer(0x3f, 2'000'000).finished());
  workbench bench_;
  image_registry registry_{image_};
};

TEST_F(faults, a_manifest_that_is_not_the_one_asked_for) {
  registry_.interfere([](const seen_request& r, const reply& truth) -> std::optional<reply> {
    if (!is_manifest(r)) return std::nullopt;
    auto lie = truth;
    lie.body += " ";
    return lie;
  });
  expect_failed(6);                   // its own header contradicts it
  expect_failed(6, image_.digest());  // what was asked for contradicts it
}

TEST_F(faults, a_blob_with_other_bytes_or_another_length) {
  for (int kind = 0; kind < 3; ++kind) {
    registry_.interfere([&](const seen_request& r, const reply& truth) -> std::optional<reply> {
      if (!is_layer(r)) return std::nullopt;
      auto lie = truth;
      if (kind == 0) lie.body[lie.body.size() / 2] ^= 1;
      if (kind == 1) lie.body.resize(lie.body.size() - 1000);
      if (kind == 2) lie.body += std::string(1000, 'x');
      return lie;
    });
    expect_failed(6);
  }
}

TEST_F(faults, under_up_heal_when_the_registry_tells_the_truth) {
  registry_.interfere([&](const seen_request& r, const reply& truth) -> std::optional<reply> {
    if (!is_layer(r)) return std::nullopt;
    auto lie = truth;
    lie.body[lie.body.size() / 2] ^= 1;
    return lie;
  });
  auto up = bench_.up();
  bench_.want("c", registry_.name());
  auto s = bench_.wait_error("c", errc::corrupt);
  EXPECT_THAT(s.message, HasSubstr(registry_.server().authority()));
  EXPECT_GT(s.retry_unix_s, 0);
  bench_.wait_store(0);
  registry_.interfere({});
  bench_.wait_ready("c");
  bench_.wait_store(1);
}

TEST_F(faults, a_reset_in_mid_blob_is_resumed) {
  std::atomic<int> resets = 0;
  registry_.interfere([&](const seen_request& r, const reply& truth) -> std::optional<reply> {
    if (!is_layer(r) || resets++ > 0) return std::nullopt;
    auto broken = truth;
    broken.wrong.cut_after = 700'000;
    broken.wrong.reset = true;
    return broken;
  });
  expect_pulled();
  auto asked = registry_.server().requests_for("/v2/team/cache/blobs/" + image_.layer_digest());
  ASSERT_GE(asked.size(), 2U);
  EXPECT_TRUE(asked.back().has("range"));
}

TEST_F(faults, a_registry_that_always_resets) {
  registry_.interfere([&](const seen_request& r, const reply& truth) -> std::optional<reply> {
    if (!is_layer(r)) return std::nullopt;
    auto broken = truth;
    broken.wrong.cut_after = 0;
    broken.wrong.reset = true;
    return broken;
  });
  expect_failed(5);
}

TEST_F(faults, too_many_requests_are_waited_out) {
  std::atomic<int> refusals = 0;
  registry_.interfere([&](const seen_request& r, const reply&) -> std::optional<reply> {
    if (!is_manifest(r) || refusals++ > 0) return std::nullopt;
    return with_status(429, {{"Retry-After", "1"}});
  });
  expect_pulled();
  EXPECT_GE(refusals, 2);
}

TEST_F(faults, server_errors_are_tried_again_and_then_told) {
  std::atomic<int> errors = 0;
  registry_.interfere([&](const seen_request& r, const reply&) -> std::optional<reply> {
    if (!is_blob(r) || errors++ > 1) return std::nullopt;
    return with_status(503);
  });
  expect_pulled();
  std::filesystem::remove_all(parent());
  registry_.interfere([](const seen_request& r, const reply&) -> std::optional<reply> {
    return is_manifest(r) ? std::optional(with_status(500)) : std::nullopt;
  });
  EXPECT_THAT(expect_failed(5).err, HasSubstr("500"));
}

TEST_F(faults, an_interrupted_pull_leaves_nothing) {
  for (bool in_body : {false, true}) {
    auto hold = std::make_shared<gate>();
    std::atomic<bool> reached = false;
    registry_.interfere([&](const seen_request& r, const reply& truth) -> std::optional<reply> {
      if (in_body ? !is_layer(r) : !is_manifest(r)) return std::nullopt;
      auto slow = truth;
      (in_body ? slow.wrong.hold_body : slow.wrong.hold_head) = hold;
      slow.wrong.hold_body_at = 500'000;
      reached = true;
      return slow;
    });
    std::filesystem::create_directory(parent());
    auto child = bench_.start({"pull", registry_.name(), parent() / "to"});
    eventually("the transfer hangs", [&] { return reached.load(); });
    if (in_body) eventually("files are staged", [&] { return tree_of(parent()).size() > 2; });
    child.send_signal(SIGINT);
    EXPECT_EQ(child.wait(), 130) << child.err();
    expect_nothing_left();
    hold->open();
  }
}

TEST_F(faults, up_ends_soon_while_a_transfer_hangs) {
  auto hold = std::make_shared<gate>();
  registry_.interfere([&](const seen_request& r, const reply& truth) -> std::optional<reply> {
    if (!is_layer(r)) return std::nullopt;
    auto slow = truth;
    slow.wrong.hold_body = hold;
    slow.wrong.hold_body_at = 500'000;
    return slow;
  });
  // Another name each time: what the one before left to be seen says nothing of this process.
  for (const auto& [signal, name] : {std::pair(SIGINT, "c"), std::pair(SIGTERM, "d")}) {
    auto up = bench_.up();
    bench_.want(name, registry_.name());
    bench_.wait_for(name, "is pulling",
                    [](const cache_status& s) { return s.message == "Pulling"; });
    eventually("files are staged", [&] { return tree_of(bench_.state() / "staging").size() > 3; });
    up.send_signal(signal);
    EXPECT_EQ(up.wait(), 0) << up.err();
    EXPECT_EQ(bench_.stored().size(), 0U);
  }
  hold->open();
  registry_.interfere({});
  auto up = bench_.up();
  bench_.wait_ready("c");
  bench_.wait_store(1);
}

TEST_F(faults, two_caches_of_one_digest_are_one_transfer) {
  auto hold = std::make_shared<gate>();
  registry_.interfere([&](const seen_request& r, const reply& truth) -> std::optional<reply> {
    if (!is_layer(r)) return std::nullopt;
    auto slow = truth;
    slow.wrong.hold_body = hold;
    return slow;
  });
  auto up = bench_.up();
  bench_.want("a", registry_.name());
  bench_.want("b", registry_.server().authority() + "/team/cache@" + image_.digest());
  for (const auto* name : {"a", "b"})
    bench_.wait_for(name, "is pulling",
                    [](const cache_status& s) { return s.message == "Pulling"; });
  hold->open();
  auto a = bench_.wait_ready("a");
  auto b = bench_.wait_ready("b");
  EXPECT_EQ(a.stored.manifest, b.stored.manifest);
  EXPECT_EQ(registry_.blob_requests(image_.layer_digest()), 1U);
  bench_.wait_store(1);
  // One of them goes, the other keeps the digest.
  std::filesystem::remove(bench_.caches() / "a.yaml");
  eventually("a is gone", [&] { return bench_.status("a").ref.name.empty(); });
  EXPECT_EQ(bench_.stored().size(), 1U);
  EXPECT_EQ(tree_of(b.path).size(), 3U);
  std::filesystem::remove(bench_.caches() / "b.yaml");
  bench_.wait_store(0);
}

}  // namespace
}  // namespace gkm::support
