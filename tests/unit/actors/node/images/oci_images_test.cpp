// The port's threads and connections, with the real engine and registries that take their time.
#include "actors/node/images/oci_images.hpp"

#include "actors/node/questions.hpp"
#include "base/program/log.hpp"
#include "net/http.hpp"
#include "oci/extract/extract.hpp"
#include "oci/registry/registry.hpp"
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>

namespace gkm::node {
namespace {

using support::cache_image;
using support::fault_server;
using support::image_registry;
using support::reply;
using support::seen_request;

/// Sends a byte now and then, and never the whole.
reply drip() {
  reply r;
  r.stream = [](const support::body_writer& write, std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested() && write("x"))
      never.wait_for(lock, stop, std::chrono::milliseconds(20), [] { return false; });
  };
  return r;
}

class oci_images_test : public testing::Test {
protected:
  oci_images_test() {
    base::log::configure(base::log::level::off, false);
    options_.first_retry_delay = std::chrono::milliseconds(1);
    source_ = oci::make_source(http_, {}, options_);
    images_ = std::make_unique<oci_images>(*source_, limits_);
  }

  std::future<result<image_plan>> resolve(const std::string& image, std::stop_token stop = {}) {
    auto promise = std::make_shared<std::promise<result<image_plan>>>();
    images_->resolve({{"a", "c"}, *image_ref::parse(image)}, {}, std::move(stop),
                     [promise](result<image_plan> p) { promise->set_value(std::move(p)); });
    return promise->get_future();
  }
  result<bool> prove(const image_plan& plan) {
    std::promise<result<bool>> promise;
    images_->prove(plan, {}, [&](result<bool> p) { promise.set_value(std::move(p)); });
    return promise.get_future().get();
  }

  const cache_image image_ = cache_image().layer(support::kernel_layer().finished());
  image_registry registry_{image_};
  oci::registry_options options_;
  const oci::extract_limits limits_;
  net::engine http_;
  std::unique_ptr<oci::source> source_;
  std::unique_ptr<oci_images> images_;
};

}  // namespace

TEST_F(oci_images_test, a_stop_frees_thread_and_connection_while_a_manifest_drips) {
  fault_server slow([](const seen_request&) { return drip(); });
  std::stop_source stop;
  std::vector<std::future<result<image_plan>>> asked;
  for (size_t i = 0; i < questions_max; ++i)
    asked.push_back(resolve(slow.authority() + "/x/" + std::to_string(i), stop.get_token()));
  slow.wait_for_requests(questions_max);
  auto other = resolve(registry_.name());
  stop.request_stop();
  for (auto& one : asked) {
    auto got = one.get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, errc::cancelled) << got.error().message;
  }
  slow.wait_for_open_connections(0);
  auto got = other.get();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->manifest.str(), image_.digest());
}

TEST_F(oci_images_test, a_stop_ends_a_config_a_token_and_a_pause_as_well) {
  registry_.interfere([&](const seen_request& r, const reply&) -> std::optional<reply> {
    if (r.path().starts_with("/v2/config/") && r.path().find("/blobs/") != std::string::npos)
      return drip();
    if (r.path() == "/token") return drip();
    reply unwilling;
    if (r.path().starts_with("/v2/token/")) {
      unwilling.status = 401;
      unwilling.headers = {
          {"WWW-Authenticate", "Bearer realm=\"" + registry_.server().url("/token") + "\""}};
      return unwilling;
    }
    if (r.path().starts_with("/v2/pause/")) {
      unwilling.status = 503;
      unwilling.headers = {{"Retry-After", "9"}};
      return unwilling;
    }
    return std::nullopt;
  });
  for (std::string repository : {"config", "token", "pause"}) {
    std::stop_source stop;
    auto before = registry_.server().requests().size();
    auto asked =
        resolve(registry_.server().authority() + "/" + repository + "/x:v1", stop.get_token());
    registry_.server().wait_for_requests(before + (repository == "pause" ? 1 : 2));
    stop.request_stop();
    auto got = asked.get();
    ASSERT_FALSE(got) << repository;
    EXPECT_EQ(got.error().code, errc::cancelled) << repository << ": " << got.error().message;
  }
}

TEST_F(oci_images_test, proof_asks_for_each_layer_and_reads_none) {
  auto plan = resolve(registry_.name()).get();
  ASSERT_TRUE(plan);
  auto before = registry_.server().requests().size();
  EXPECT_EQ(prove(*plan), true);
  auto requests = registry_.server().requests();
  ASSERT_EQ(requests.size(), before + 1) << "the manifest is remembered";
  EXPECT_EQ(requests.back().method, "HEAD");
  EXPECT_TRUE(requests.back().path().ends_with(image_.layer_digest()));
}

TEST_F(oci_images_test, proof_fails_where_a_layer_may_not_be_read) {
  auto plan = resolve(registry_.name()).get();
  ASSERT_TRUE(plan);
  registry_.interfere([&](const seen_request& r, const reply&) -> std::optional<reply> {
    if (!r.path().ends_with(image_.layer_digest())) return std::nullopt;
    reply denied;
    denied.status = 403;
    return denied;
  });
  EXPECT_EQ(prove(*plan), false);
}

TEST_F(oci_images_test, that_all_bytes_have_come_is_told_however_soon) {
  auto plan = resolve(registry_.name()).get();
  ASSERT_TRUE(plan);
  support::temp_dir folder;
  std::filesystem::create_directory(folder / "content");
  std::mutex mutex;
  std::pair<uint64_t, uint64_t> last;
  std::promise<result<stored_cache>> done;
  images_->fetch(
      *plan, folder.path(),
      [&](uint64_t bytes, uint64_t total) {
        std::lock_guard lock(mutex);
        last = {bytes, total};
      },
      {}, [&](result<stored_cache> s) { done.set_value(std::move(s)); });
  auto got = done.get_future().get();
  ASSERT_TRUE(got) << got.error().message;
  std::lock_guard lock(mutex);
  EXPECT_EQ(last, std::pair(plan->layer_bytes, plan->layer_bytes));
}

}  // namespace gkm::node
