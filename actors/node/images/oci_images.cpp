#include "actors/node/images/oci_images.hpp"

#include "actors/node/disk/stored_seal.hpp"
#include "actors/node/images/staging_meter.hpp"
#include "base/files.hpp"
#include "gpus/kernels/targets.hpp"
#include "gpus/match.hpp"
#include "messages/paths.hpp"
#include "oci/extract/extract.hpp"
#include "oci/resolve.hpp"
#include "relocation/scan.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
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
std::function<void(uint64_t, uint64_t)> throttled(std::function<void(uint64_t, uint64_t)> report) {
  using clock = std::chrono::steady_clock;
  auto last = std::make_shared<clock::time_point>(clock::now());
  return [last, report = std::move(report)](uint64_t bytes, uint64_t total) {
    auto now = clock::now();
    if (now - *last < between_reports && bytes < total) return;
    *last = now;
    report(bytes, total);
  };
}

/// A file beside the content that comes into being with the first of its bytes. Nobody reads it
/// before all is committed.
class staged_file {
public:
  staged_file(fs::path file, oci::disk_meter& meter) : path_(std::move(file)), meter_(meter) {}
  result<void> append(std::string_view text) {
    if (auto r = meter_.take(text.size(), file_ ? 0 : 1); !r) return r;
    if (!file_)
      file_ = base::fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file_) return fail(base::errno_error(errno, "create", path_));
    while (!text.empty()) {
      auto n = ::write(file_.get(), text.data(), text.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return fail(base::errno_error(n < 0 ? errno : ENOSPC, "write", path_));
      text.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }

private:
  const fs::path path_;
  oci::disk_meter& meter_;
  base::fd file_;
};

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

result<stored_cache> extract_cache(oci::source& from, const oci::resolved_image& image,
                                   const std::string& content, const oci::extract_limits& limits,
                                   const std::function<result<void>(std::string_view)>& relocations,
                                   const std::function<void(uint64_t, uint64_t)>& progress,
                                   std::stop_token stop, oci::disk_meter* meter,
                                   base::seal_observer* seal) {
  gpus::target_scanner kernels;
  relocation::index_files indexes;
  both_observers both(kernels, indexes);
  std::optional<both_observers> with_seal;
  if (seal) with_seal.emplace(both, *seal);
  base::file_observer& observers = with_seal ? *with_seal : both;
  auto extracted = oci::extract(from, image, content, limits, &observers, progress, stop, meter);
  if (!extracted) return fail(extracted.error());
  auto moved = relocation::scan(content, indexes, relocations, stop);
  if (!moved) return fail(moved.error());
  auto report = kernels.report();
  stored_cache out{image.manifest_digest, extracted->cache_type, extracted->files, extracted->bytes,
                   report.targets,        report.problems,       moved->files};
  out.problems.insert(out.problems.end(), moved->problems.begin(), moved->problems.end());
  return out;
}

oci_images::oci_images(oci::source& from, const oci::extract_limits& limits,
                       std::shared_ptr<disk_ledger> ledger)
    : oci_images(
          [&from](const std::vector<std::string>&, const std::stop_token&) {
            // Somebody else's: not ours to delete.
            return std::shared_ptr<oci::source>(std::shared_ptr<void>(), &from);
          },
          limits, std::move(ledger)) {}

oci_images::oci_images(source_opener open, const oci::extract_limits& limits,
                       std::shared_ptr<disk_ledger> ledger)
    : open_(std::move(open)),
      limits_(limits),
      ledger_(std::move(ledger)),
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
    reply(extract_into(**from, staging, **image, plan.expected_bytes(), throttled(progress), stop));
    // What the transfer's threads needed goes back to the system: a node idles for weeks in
    // between.
    ::malloc_trim(0);
  });
}

result<stored_cache> oci_images::extract_into(
    oci::source& from, const fs::path& staging, const oci::resolved_image& image,
    uint64_t said_bytes, const std::function<void(uint64_t, uint64_t)>& progress,
    std::stop_token stop) {
  auto meter = staging_meter::begin(*ledger_, staging, image.manifest_digest, said_bytes);
  if (!meter) return fail(meter.error());
  staged_file list(staging / paths::relocations, **meter);
  auto content = (staging / paths::content).string();
  base::seal_observer seal;
  auto cache = extract_cache(
      from, image, content, limits_, [&](std::string_view part) { return list.append(part); },
      progress, stop, meter->get(), &seal);
  if (!cache) return fail((*meter)->with_cause(cache.error()));
  if (auto sealed = write_seal(staging, seal, stop); !sealed) return fail(sealed.error());
  return cache;
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
