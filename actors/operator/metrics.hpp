/// What the operator counts, for Prometheus. Thread-safe; labels have few values.
#pragma once

#include "messages/errors.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace gkm::op {

class metrics {
public:
  metrics();
  ~metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  /// A write to the API: "status", "finalizer", "secret", "event", "driver", "daemonset".
  void wrote(std::string_view what, errc outcome);
  /// A change that a watch told: "cache", "report", "node", "namespace", "config".
  void count_change(std::string_view what);
  /// How many caches there are: scope "namespaced" or "cluster".
  void set_caches(std::string_view scope, size_t n);
  void set_nodes(size_t n);
  void set_leading(bool leading);
  void set_watching(bool whole);
  void set_kyverno(bool enabled);

  /// In the text format that Prometheus reads.
  std::string print() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace gkm::op
