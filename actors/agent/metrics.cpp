#include "actors/agent/metrics.hpp"

#include "actors/agent/foreign_metrics.hpp"
#include "actors/agent/report_entries.hpp"
#include "base/files.hpp"
#include "base/program/program_metrics.hpp"
#include "messages/names.hpp"

#include <prometheus/counter.h>

#include <map>
#include <mutex>

namespace gkm::node {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using counters = prometheus::Family<prometheus::Counter>;
using gauges = prometheus::Family<prometheus::Gauge>;

}  // namespace

struct metrics::impl : base::program_metrics {
  impl() : program_metrics("gkm_agent_") {}

  counters& requests = BuildCounter()
                           .Name("gkm_agent_api_requests_total")
                           .Help(
                               "Requests to the Kubernetes API about this node's reports, watches "
                               "apart, by what was asked and how it ended")
                           .Register(registry);
  counters& changes = BuildCounter()
                          .Name("gkm_agent_watch_changes_total")
                          .Help("Changes that watches told, by the kind of object")
                          .Register(registry);
  gauges& watching = BuildGauge()
                         .Name("gkm_agent_watching")
                         .Help("1 if the watch of these objects works")
                         .Register(registry);
  gauges& caches = BuildGauge()
                       .Name("gkm_agent_caches")
                       .Help("Digests of caches on this node, by their state")
                       .Register(registry);
  prometheus::Gauge& volumes = single("gkm_agent_volumes", "Volumes of pods that are mounted");
  prometheus::Gauge& gpus = single("gkm_agent_gpus", "GPUs of this node");
  base::process_metrics process{*this};

  std::mutex mutex;
  std::map<std::string, std::map<std::string, size_t>> states;  ///< by namespace
};

metrics::metrics(std::filesystem::path csi_file)
    : impl_(std::make_unique<impl>()), csi_file_(std::move(csi_file)) {}

metrics::~metrics() = default;

void metrics::asked(std::string_view what, errc outcome) {
  auto word = outcome == errc::none ? "ok" : std::string(to_string(outcome));
  impl_->requests.Add({{"what", std::string(what)}, {"outcome", word}}).Increment();
}

void metrics::count_change(std::string_view what) {
  impl_->changes.Add({{"what", std::string(what)}}).Increment();
}

void metrics::set_watching(std::string_view plural, bool works) {
  impl_->watching.Add({{"what", std::string(plural)}}).Set(works ? 1 : 0);
}

void metrics::set_volumes(size_t n) { impl_->volumes.Set(static_cast<double>(n)); }

void metrics::reported(const node_report& report) {
  size_t gpus = 0;
  for (const auto& group : report.gpus) gpus += group.ids.size();
  impl_->gpus.Set(static_cast<double>(gpus));
  std::map<std::string, size_t> states;
  for (const auto& [name, entries] : report.caches)
    for (const auto& [d, entry] : entries) ++states[std::string(state_of(entry))];
  std::lock_guard lock(impl_->mutex);
  if (states.empty())
    impl_->states.erase(report.ns);
  else
    impl_->states[report.ns] = std::move(states);
}

std::string metrics::print() const {
  std::map<std::string, size_t> sums{{conditions::pending, 0},
                                     {conditions::extracted, 0},
                                     {conditions::running, 0},
                                     {conditions::outdated, 0},
                                     {conditions::error, 0}};
  {
    std::lock_guard lock(impl_->mutex);
    for (const auto& [ns, states] : impl_->states)
      for (const auto& [state, n] : states) sums[state] += n;
  }
  for (const auto& [state, n] : sums)
    impl_->caches.Add({{"state", state}}).Set(static_cast<double>(n));
  impl_->process.measure();
  auto text = impl_->print();
  if (auto csi = base::read_file(csi_file_, max_foreign_bytes))
    text += sound_metrics(*csi, "gkm_csi_");
  return text;
}

}  // namespace gkm::node
