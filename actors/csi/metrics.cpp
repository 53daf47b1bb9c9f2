#include "actors/csi/metrics.hpp"

#include "base/program/program_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

namespace gkm::csi {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

/// A mount takes milliseconds, a copy or a wait for a cache up to minutes.
const prometheus::Histogram::BucketBoundaries seconds{0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                      0.5,   1,     2.5,  5,     10,   30,  60};

std::map<std::string, std::string> named(std::string_view call) {
  return {{"call", std::string(call)}};
}

}  // namespace

struct metrics::impl : base::program_metrics {
  impl() : program_metrics("gkm_csi_") {}

  prometheus::Family<prometheus::Counter>& calls =
      BuildCounter()
          .Name("gkm_csi_calls_total")
          .Help("Calls of kubelet that ended, by what was asked and how it ended")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& durations =
      BuildHistogram()
          .Name("gkm_csi_call_duration_seconds")
          .Help("How long calls of kubelet took, a wait for the cache included")
          .Register(registry);
  prometheus::Gauge& volumes =
      single("gkm_csi_volumes", "Volumes that are mounted, or about to be");
  prometheus::Gauge& waiting =
      single("gkm_csi_waiting_volumes", "Volumes that wait for their cache");
};

metrics::metrics() : impl_(std::make_unique<impl>()) {}

metrics::~metrics() = default;

void metrics::called(std::string_view call, errc outcome, std::chrono::nanoseconds took) {
  auto labels = named(call);
  impl_->durations.Add(labels, seconds).Observe(std::chrono::duration<double>(took).count());
  labels["result"] = outcome == errc::none ? "ok" : std::string(to_string(outcome));
  impl_->calls.Add(labels).Increment();
}

void metrics::set_volumes(size_t n) { impl_->volumes.Set(static_cast<double>(n)); }
void metrics::begin_waiting() { impl_->waiting.Increment(); }
void metrics::end_waiting() { impl_->waiting.Decrement(); }

std::string metrics::print() const { return impl_->print(); }

}  // namespace gkm::csi
