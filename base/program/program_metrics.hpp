/// What a program counts, for Prometheus, and what each counts of itself. For `.cpp` files: this
/// includes prometheus-cpp.
#pragma once

#include "base/program/process.hpp"
#include "base/program/version.hpp"

#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <string>

namespace gkm::base {

struct program_metrics {
  /// `prefix` begins the names of all that is this program's alone: "gkm_agent_".
  explicit program_metrics(const std::string& prefix) {
    prometheus::BuildGauge()
        .Name(prefix + "build_info")
        .Help("Always 1; its label is the version")
        .Register(registry)
        .Add({{"version", std::string(version())}})
        .Set(1);
  }

  /// The one sample of a family without labels.
  prometheus::Gauge& single(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
  }
  /// In the text format that Prometheus reads.
  std::string print() const { return prometheus::TextSerializer().Serialize(registry.Collect()); }

  prometheus::Registry registry;
};

/// Memory and processor time, of a program that serves its own metrics.
class process_metrics {
public:
  explicit process_metrics(program_metrics& of)
      : resident_(
            of.single("gkm_process_resident_memory_bytes", "Memory that this process has in RAM")),
        cpu_(of.single("gkm_process_cpu_seconds", "Processor time that this process has used")) {}

  void measure() {
    resident_.Set(static_cast<double>(resident_bytes()));
    cpu_.Set(cpu_seconds());
  }

private:
  prometheus::Gauge& resident_;
  prometheus::Gauge& cpu_;
};

}  // namespace gkm::base
