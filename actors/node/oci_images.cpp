#include "actors/node/oci_images.hpp"

#include "actors/node/puller.hpp"
#include "actors/node/questions.hpp"
#include "base/files.hpp"
#include "gpu/match.hpp"
#include "gpu/targets.hpp"
#include "messages/paths.hpp"
#include "oci/extract.hpp"
#include "oci/resolve.hpp"
#include "relocation/scan.hpp"

#include <malloc.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace gkm::node {
namespace fs = std::filesystem;
namespace {

constexpr size_t recent_max = 32;
constexpr std::chrono::milliseconds between_reports{1'000};

image_plan plan_for(const oci::resolved_image& image) {
  image_plan plan;
  plan.image = image.ref;
  plan.resolved = image.resolved;
  plan.manifest = image.manifest_digest;
  plan.layer_bytes = image.layer_bytes;
  plan.unpacked_bytes = image.hints.size_bytes.value_or(0);
  plan.label_targets = image.hints.targets;
  plan.label_problem = image.hints.problem;
  return plan;
}

/// At most one report per second crosses into the actors, however often the transfer has news, and
/// the last one: who has all bytes is not slow.
std::function<void(uint64_t, uint64_t)> seldom(std::function<void(uint64_t, uint64_t)> report) {
  using clock = std::chrono::steady_clock;
  auto last = std::make_shared<clock::time_point>(clock::now());
  return [last, report = std::move(report)](uint64_t bytes, uint64_t total) {
    auto now = clock::now();
    if (now - *last < between_reports && bytes < total) return;
    *last = now;
    report(bytes, total);
  };
}

/// Two who look at the same files.
class both_observers : public base::file_observer {
public:
  both_observers(base::file_observer& a, base::file_observer& b) : a_(a), b_(b) {}
  void begin(std::string_view path, uint64_t size_bytes) override {
    a_.begin(path, size_bytes);
    b_.begin(path, size_bytes);
  }
  void data(std::span<const std::byte> bytes) override {
    a_.data(bytes);
    b_.data(bytes);
  }
  void end() override {
    a_.end();
    b_.end();
  }

private:
  base::file_observer& a_;
  base::file_observer& b_;
};

/// The config was read when the image was resolved.
result<bool> has_layers(oci::source& from, const oci::resolved_image& image,
                        const std::stop_token& stop) {
  std::set<digest> asked;
  for (const auto& layer : image.content.layers) {
    if (!asked.insert(layer.content).second) continue;
    auto has = from.has_blob(image.ref, layer, stop);
    if (!has || !*has) return has;
  }
  return true;
}

}  // namespace

bool would_use(const std::vector<target>& claimed, const std::vector<gpu>& gpus) {
  if (gpus.empty()) return true;
  auto fits_some = [&](const target& t) {
    return std::any_of(gpus.begin(), gpus.end(), [&](const gpu& g) { return gpus::fits(t, g); });
  };
  return std::any_of(claimed.begin(), claimed.end(), fits_some);
}

result<extracted_cache> extract_cache(oci::source& from, const oci::resolved_image& image,
                                      const std::string& content, const oci::extract_limits& limits,
                                      const std::function<void(uint64_t, uint64_t)>& progress,
                                      std::stop_token stop) {
  gpus::target_scanner kernels;
  relocation::index_files indexes;
  both_observers observers(kernels, indexes);
  auto extracted = oci::extract(from, image, content, limits, &observers, progress, stop);
  if (!extracted) return fail(extracted.error());
  auto moved = relocation::scan(content, indexes, stop);
  if (!moved) return fail(moved.error());
  auto report = kernels.report();
  extracted_cache out;
  out.facts = {image.manifest_digest, extracted->cache_type, extracted->files, extracted->bytes,
               report.targets,        report.problems,       moved->files};
  auto& problems = out.facts.problems;
  problems.insert(problems.end(), moved->problems.begin(), moved->problems.end());
  if (moved->files > 0) out.relocations = std::move(moved->list);
  return out;
}

oci_images::oci_images(oci::source& from, const oci::extract_limits& limits)
    : oci_images(
          [&from](const std::vector<std::string>&, const std::stop_token&) {
            // Somebody else's: not ours to delete.
            return std::shared_ptr<oci::source>(std::shared_ptr<void>(), &from);
          },
          limits) {}

oci_images::oci_images(source_opener open, const oci::extract_limits& limits)
    : open_(std::move(open)),
      limits_(limits),
      questions_(questions_max),
      transfers_(transfers_max) {}

oci_images::~oci_images() = default;

void oci_images::resolve(const cache_spec& wanted, const std::vector<gpu>& gpus,
                         std::stop_token stop, answer<image_plan> reply) {
  questions_.post([=, this] {
    auto fits = [&](const std::vector<target>& claimed) { return would_use(claimed, gpus); };
    auto from = open_(wanted.pull_secrets, stop);
    if (!from) return reply(fail(from.error()));
    auto found = oci::resolve(**from, wanted.image, fits, stop);
    if (!found) return reply(fail(found.error()));
    auto plan = plan_for(*found);
    plan.pull_secrets = wanted.pull_secrets;
    remember(std::make_shared<const oci::resolved_image>(std::move(*found)));
    reply(std::move(plan));
  });
}

void oci_images::prove(const image_plan& plan, std::stop_token stop, answer<bool> reply) {
  questions_.post([=, this] {
    auto from = open_(plan.pull_secrets, stop);
    if (!from) return reply(fail(from.error()));
    auto image = recall(**from, plan, stop);
    if (!image) return reply(fail(image.error()));
    reply(has_layers(**from, **image, stop));
  });
}

void oci_images::fetch(const image_plan& plan, const std::string& staging,
                       std::function<void(uint64_t, uint64_t)> progress, std::stop_token stop,
                       answer<stored_cache> reply) {
  transfers_.post([=, this] {
    auto from = open_(plan.pull_secrets, stop);
    if (!from) return reply(fail(from.error()));
    auto image = recall(**from, plan, stop);
    if (!image) return reply(fail(image.error()));
    reply(extract_into(**from, staging, **image, seldom(progress), stop));
    // What the transfer's threads needed goes back to the system: a node idles for weeks in
    // between.
    ::malloc_trim(0);
  });
}

result<stored_cache> oci_images::extract_into(
    oci::source& from, const fs::path& staging, const oci::resolved_image& image,
    const std::function<void(uint64_t, uint64_t)>& progress, std::stop_token stop) {
  auto content = (staging / paths::content).string();
  auto cache = extract_cache(from, image, content, limits_, progress, stop);
  if (!cache) return fail(cache.error());
  if (!cache->relocations.empty()) {
    auto written = base::write_file_atomically(staging / paths::relocations, cache->relocations);
    if (!written) return fail(written.error());
  }
  return std::move(cache->facts);
}

result<oci_images::resolved_ptr> oci_images::recall(oci::source& from, const image_plan& plan,
                                                    std::stop_token stop) {
  {
    std::lock_guard lock(mutex_);
    for (const auto& image : recent_)
      if (image->manifest_digest == plan.manifest && image->ref == plan.image) return image;
  }
  auto exact = plan.image;
  exact.pinned = plan.manifest;
  auto found = oci::resolve(from, exact, nullptr, stop);
  if (!found) return fail(found.error());
  return std::make_shared<const oci::resolved_image>(std::move(*found));
}

void oci_images::remember(resolved_ptr image) {
  std::lock_guard lock(mutex_);
  recent_.push_front(std::move(image));
  if (recent_.size() > recent_max) recent_.pop_back();
}

}  // namespace gkm::node
