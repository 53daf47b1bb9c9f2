/// What an API server was asked by GKM's own processes, by its own audit log.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace gkm::bench {

struct request_counts {
  int agent_writes = 0;     ///< of reports
  int operator_writes = 0;  ///< of caches
  int events = 0;           ///< by both
  int leases = 0;           ///< an operator's renewals
  int others = 0;           ///< but watches
};

class audit_log {
public:
  /// The server's arguments that make it write the log; the files lie in `folder`.
  static std::vector<std::string> arguments(const std::filesystem::path& folder);

  explicit audit_log(const std::filesystem::path& folder);

  /// What was asked since this was called last.
  request_counts take_new();

private:
  std::ifstream in_;
};

}  // namespace gkm::bench
