#include "actors/csi/metrics.hpp"

#include "base/version.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

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

struct metrics::families {
  prometheus::Registry registry;
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
  prometheus::Gauge& volumes = BuildGauge()
                                   .Name("gkm_csi_volumes")
                                   .Help("Volumes that are mounted, or about to be")
                                   .Register(registry)
                                   .Add({});
  prometheus::Gauge& waiting = BuildGauge()
                                   .Name("gkm_csi_waiting_volumes")
                                   .Help("Volumes that wait for their cache")
                                   .Register(registry)
                                   .Add({});
};

metrics::metrics() : families_(std::make_unique<families>()) {
  BuildGauge()
      .Name("gkm_csi_build_info")
      .Help("Always 1; its label is the version")
      .Register(families_->registry)
      .Add({{"version", std::string(base::version())}})
      .Set(1);
}

metrics::~metrics() = default;

void metrics::called(std::string_view call, errc outcome, std::chrono::nanoseconds took) {
  auto labels = named(call);
  families_->durations.Add(labels, seconds).Observe(std::chrono::duration<double>(took).count());
  labels["result"] = outcome == errc::none ? "ok" : std::string(to_string(outcome));
  families_->calls.Add(labels).Increment();
}

void metrics::set_volumes(size_t n) { families_->volumes.Set(static_cast<double>(n)); }
void metrics::begin_waiting() { families_->waiting.Increment(); }
void metrics::end_waiting() { families_->waiting.Decrement(); }

std::string metrics::print() const {
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace gkm::csi
