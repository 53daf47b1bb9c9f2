#include "actors/operator/metrics.hpp"

#include "base/program_metrics.hpp"

#include <prometheus/counter.h>

namespace gkm::cluster {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

}  // namespace

struct metrics::families : base::program_metrics {
  families() : program_metrics("gkm_operator_") {}

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

metrics::metrics() : families_(std::make_unique<families>()) {}

metrics::~metrics() = default;

void metrics::wrote(std::string_view what, errc outcome) {
  auto word = outcome == errc::none ? "ok" : std::string(to_string(outcome));
  families_->writes.Add({{"what", std::string(what)}, {"outcome", word}}).Increment();
}

void metrics::heard(std::string_view what) {
  families_->changes.Add({{"what", std::string(what)}}).Increment();
}

void metrics::set_caches(std::string_view scope, size_t n) {
  families_->caches.Add({{"scope", std::string(scope)}}).Set(static_cast<double>(n));
}

void metrics::set_nodes(size_t n) { families_->nodes.Set(static_cast<double>(n)); }
void metrics::set_leading(bool leading) { families_->leading.Set(leading ? 1 : 0); }
void metrics::set_watching(bool whole) { families_->watching.Set(whole ? 1 : 0); }
void metrics::set_kyverno(bool enabled) { families_->kyverno.Set(enabled ? 1 : 0); }

std::string metrics::print() const {
  families_->process.measure();
  return families_->print();
}

}  // namespace gkm::cluster
