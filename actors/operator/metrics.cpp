#include "actors/operator/metrics.hpp"

#include "base/program/program_metrics.hpp"

#include <prometheus/counter.h>

namespace gkm::op {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

}  // namespace

struct metrics::impl : base::program_metrics {
  impl() : program_metrics("gkm_operator_") {}

  prometheus::Family<prometheus::Counter>& writes =
      BuildCounter()
          .Name("gkm_operator_api_writes_total")
          .Help("Writes to the Kubernetes API, by what was written and how it ended")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& changes =
      BuildCounter()
          .Name("gkm_operator_watch_changes_total")
          .Help("Changes that watches told, by the kind of object")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& caches =
      BuildGauge().Name("gkm_operator_caches").Help("Caches in the cluster").Register(registry);
  prometheus::Gauge& nodes = single("gkm_operator_nodes", "Nodes in the cluster");
  prometheus::Gauge& leading =
      single("gkm_operator_leading", "1 if this process writes, 0 if it stands by");
  prometheus::Gauge& watching =
      single("gkm_operator_watching", "1 if the view of the cluster is whole");
  prometheus::Gauge& kyverno = single("gkm_operator_kyverno_enabled",
                                      "1 if gkm.kyverno.enabled says so; nothing acts on it yet");
  base::process_metrics process{*this};
};

metrics::metrics() : impl_(std::make_unique<impl>()) {}

metrics::~metrics() = default;

void metrics::wrote(std::string_view what, errc outcome) {
  auto word = outcome == errc::none ? "ok" : std::string(to_string(outcome));
  impl_->writes.Add({{"what", std::string(what)}, {"outcome", word}}).Increment();
}

void metrics::count_change(std::string_view what) {
  impl_->changes.Add({{"what", std::string(what)}}).Increment();
}

void metrics::set_caches(std::string_view scope, size_t n) {
  impl_->caches.Add({{"scope", std::string(scope)}}).Set(static_cast<double>(n));
}

void metrics::set_nodes(size_t n) { impl_->nodes.Set(static_cast<double>(n)); }
void metrics::set_leading(bool leading) { impl_->leading.Set(leading ? 1 : 0); }
void metrics::set_watching(bool whole) { impl_->watching.Set(whole ? 1 : 0); }
void metrics::set_kyverno(bool enabled) { impl_->kyverno.Set(enabled ? 1 : 0); }

std::string metrics::print() const {
  impl_->process.measure();
  return impl_->print();
}

}  // namespace gkm::op
