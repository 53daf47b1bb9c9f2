// Tenants on one node: slow registries of one, and manifests of what another may read.
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace gkm::support {
namespace {

using testing::HasSubstr;

bool is_blob(const seen_request& r) { return r.path().find("/blobs/") != std::string::npos; }

reply with_status(int status) {
  reply r;
  r.status = status;
  r.body = "no";
  return r;
}

class tenants : public testing::Test {
protected:
  void want(const std::string& ns, const std::string& name, const std::string& image) {
    bench_.write_file(ns + "-" + name + ".yaml",
                      "apiVersion: gkm.io/v1alpha1\nkind: GKMCache\nmetadata:\n  namespace: " + ns +
                          "\n  name: " + name + "\nspec:\n  image: " + image + "\n");
  }

  const cache_image image_ = cache_image().layer(kernel_layer().finished());
  workbench bench_;
  image_registry registry_{image_};
};

}  // namespace

TEST_F(tenants, slow_manifests_and_layers_of_one_do_not_hold_up_another) {
  constexpr int many = 12;
  auto hold = std::make_shared<gate>();
  image_registry slow;
  for (int i = 0; i < many; ++i)
    slow.add("v" + std::to_string(i),
             cache_image().layer(kernel_layer(0x3f, 1'000 + static_cast<size_t>(i)).finished()));
  slow.interfere([&](const seen_request& r, const reply& truth) -> std::optional<reply> {
    auto late = truth;
    bool is_config = truth.body.starts_with("{");
    if (r.path().starts_with("/v2/manifests-are-slow/") || (is_blob(r) && !is_config))
      late.wrong.hold_body = hold;
    return late;
  });
  auto up = bench_.up();
  auto want_many = [&](const std::string& what) {
    for (int i = 0; i < many; ++i)
      want("greedy", what + std::to_string(i),
           slow.server().authority() + "/" + what + "-are-slow/x:v" + std::to_string(i));
  };
  want_many("layers");
  eventually("it has as many transfers as it may", [&] {
    auto all = bench_.statuses();
    return std::count_if(all.begin(), all.end(), [](const cache_status& s) {
             return s.message == "Waiting for other transfers" && s.total_bytes == 0;
           }) == many - 3;
  });
  auto before = slow.server().requests().size();
  want_many("manifests");
  slow.server().wait_for_requests(before + 4);
  want("modest", "c", registry_.name());
  bench_.wait_ready("c");
  hold->open();
}

TEST_F(tenants, a_manifest_alone_does_not_give_what_another_has_pulled) {
  auto up = bench_.up();
  want("tenant-a", "theirs", registry_.name());
  bench_.wait_ready("theirs");
  for (bool claims_to_have_it : {false, true}) {
    image_registry thief(image_);
    thief.interfere([&](const seen_request& r, const reply&) -> std::optional<reply> {
      if (!r.path().ends_with(image_.layer_digest())) return std::nullopt;
      if (r.method == "HEAD" && claims_to_have_it) return std::nullopt;
      return with_status(404);
    });
    auto name = claims_to_have_it ? "liar" : "thief";
    want("tenant-b", name, thief.name());
    auto s = bench_.wait_error(name, errc::not_found);
    EXPECT_EQ(s.path, "");
    EXPECT_THAT(s.message, HasSubstr(image_.layer_digest()));
    std::filesystem::remove(bench_.caches() / ("tenant-b-" + std::string(name) + ".yaml"));
  }
  EXPECT_EQ(bench_.status("theirs").state, cache_state::extracted);
}

TEST_F(tenants, who_could_have_pulled_it_shares_it_without_a_transfer) {
  {
    auto up = bench_.up();
    want("tenant-a", "first", registry_.name());
    want("tenant-b", "second", registry_.name());
    bench_.wait_ready("first");
    bench_.wait_ready("second");
    EXPECT_EQ(registry_.blob_requests(image_.layer_digest()), 1U);
  }
  auto up = bench_.up();
  bench_.wait_ready("first");
  want("tenant-c", "third", registry_.name());
  bench_.wait_ready("third");
  auto asked = registry_.server().requests();
  std::erase_if(asked, [&](const auto& r) { return !r.path().ends_with(image_.layer_digest()); });
  ASSERT_EQ(asked.size(), 2U) << "after a restart one more question";
  EXPECT_EQ(asked[1].method, "HEAD");
}

TEST_F(tenants, another_registry_is_pulled_from_to_see_that_it_has_the_same) {
  image_registry mirror(image_);
  auto up = bench_.up();
  want("tenant-a", "first", registry_.name());
  bench_.wait_ready("first");
  want("tenant-b", "second", mirror.name());
  bench_.wait_ready("second");
  EXPECT_EQ(mirror.blob_requests(image_.layer_digest()), 1U);
  bench_.wait_store(1);
}

}  // namespace gkm::support
