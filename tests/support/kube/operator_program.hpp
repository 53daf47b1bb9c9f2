/// gkm-operator as a program, with the rights of its service account on a test server.
#pragma once

#include "tests/support/child_process.hpp"
#include "tests/support/kube/deployment.hpp"
#include "tests/support/reserved_port.hpp"

#include <optional>
#include <string>

namespace gkm::support {

class operator_program {
public:
  explicit operator_program(const kube_server& server, const std::string& name = "operator",
                            std::vector<std::string> arguments = {});

  /// Ended in order, so that the next one need not wait for its lease to run out.
  ~operator_program();

  child_process& process() { return *process_; }
  /// An HTTP path of its health address; empty if it does not answer with 200.
  std::string get(const std::string& path) const;
  /// The sum of the samples of a metric whose line holds `labels`.
  double metric(const std::string& name, const std::string& labels = "") const;
  /// SIGTERM; its exit code.
  int end();

private:
  temp_dir folder_;
  reserved_port port_;
  std::optional<child_process> process_;
};

}  // namespace gkm::support
