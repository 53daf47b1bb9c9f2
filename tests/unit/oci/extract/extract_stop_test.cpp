// The ends that come from elsewhere: nobody wants it any more, or the source gives up. No thread is
// left behind and nobody waits for ever.
#include "extract_fixture.hpp"

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

namespace gkm::oci {
namespace {

const std::string in = "io.triton.cache/";

std::string big_tar() {
  tar_builder tar;
  for (int i = 0; i < 200; ++i)
    tar.file(in + "f" + std::to_string(i), std::string(100'000, static_cast<char>('a' + i % 26)));
  return tar.finished();
}

/// Waits until the stream is stopped, as a network that has gone silent does.
result<void> silence(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, stop, [] { return false; });
  return {};
}

}  // namespace

TEST_F(extract_test, nobody_wants_it_from_the_start) {
  add_layer(tar_builder().file(in + "a", "1"));
  stop_.request_stop();
  expect_error(run(), errc::cancelled);
}

TEST_F(extract_test, cancelled_midway) {
  for (uint64_t at : {uint64_t{0}, uint64_t{1 << 20}, uint64_t{10 << 20}}) {
    stop_ = {};
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    clear_layers();
    add_layer(big_tar());
    source_.before_chunk = [&](uint64_t done, const std::stop_token&) -> result<void> {
      if (done >= at) stop_.request_stop();
      return {};
    };
    expect_error(run(), errc::cancelled);
  }
}

TEST_F(extract_test, cancelled_while_the_source_is_silent) {
  add_layer(big_tar());
  std::promise<void> silent;
  source_.before_chunk = [&](uint64_t done, const std::stop_token& stop) -> result<void> {
    if (done < (5 << 20)) return {};
    silent.set_value();
    return silence(stop);
  };
  std::jthread impatient([&] {
    silent.get_future().wait();
    stop_.request_stop();
  });
  expect_error(run(), errc::cancelled);
}

// The end of the layer comes by stopping it: it must not be taken for a good end.
TEST_F(extract_test, cancelled_without_diff_ids_is_no_success) {
  add_layer(big_tar());
  image_.config.diff_ids.clear();
  recording_observer seen;
  struct stopper : base::file_observer {
    std::stop_source* stop;
    void begin(std::string_view path, uint64_t) override {
      if (path == "f150") stop->request_stop();
    }
    void data(std::span<const std::byte>) override {}
    void end() override {}
  } observer;
  observer.stop = &stop_;
  observer_ = &observer;
  expect_error(run(), errc::cancelled);
}

TEST_F(extract_test, source_error_passes_through_with_its_wait) {
  auto tar = big_tar();
  for (const auto& stored : {tar, gzipped(tar)}) {
    for (size_t at : {size_t{0}, stored.size() / 2, stored.size()}) {
      std::filesystem::remove_all(dir());
      std::filesystem::create_directory(dir());
      clear_layers();
      add_layer(tar, stored);
      source_.before_chunk = [&](uint64_t done, const std::stop_token&) -> result<void> {
        if (done >= at)
          return fail(error{errc::unavailable, "the registry went away", std::chrono::seconds(7)});
        return {};
      };
      auto r = run();
      expect_error(r, errc::unavailable, {"layer 1 of 1", "the registry went away"});
      EXPECT_EQ(r.error().retry_after.count(), 7);
    }
  }
}

TEST_F(extract_test, missing_blob_passes_through) {
  image_.content.layers.push_back({"", base::sha256::of("missing"), 7, {}});
  expect_error(run(), errc::not_found, {"no such blob"});
}

TEST_F(extract_test, refusal_does_not_wait_for_the_rest) {
  auto tar = tar_builder().file(in + "../x", "").raw(big_tar()).finished();
  add_layer(tar);
  source_.before_chunk = [&](uint64_t done, const std::stop_token& stop) -> result<void> {
    return done < (6 << 20) ? result<void>() : silence(stop);
  };
  expect_error(run(), errc::refused);
}

TEST_F(extract_test, observer_that_throws_is_an_internal_error) {
  struct thrower : base::file_observer {
    void begin(std::string_view, uint64_t) override { throw std::runtime_error("no wish"); }
    void data(std::span<const std::byte>) override {}
    void end() override {}
  } observer;
  observer_ = &observer;
  add_layer(big_tar());
  expect_error(run(), errc::internal, {"no wish"});
}

}  // namespace gkm::oci
