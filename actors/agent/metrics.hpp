/// What the agent counts, for Prometheus. Thread-safe; labels have few values.
#pragma once

#include "messages/node_report.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace gkm::node {

class metrics {
public:
  /// `csi_file` is where gkm-csi, which has no network, leaves what it counts.
  explicit metrics(std::filesystem::path csi_file);
  ~metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  /// A request to the API about a report: "create", "status", "delete", "read".
  void asked(std::string_view what, errc outcome);
  /// A change that a watch told: "cache", "report", "node".
  void count_change(std::string_view what);
  void set_watching(std::string_view plural, bool works);
  void set_volumes(size_t n);
  /// The node's GPUs and one namespace's caches are like this by now.
  void reported(const node_report& report);

  /// In the text format that Prometheus reads.
  std::string print() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
  const std::filesystem::path csi_file_;
};

}  // namespace gkm::node
