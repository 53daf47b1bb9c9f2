#include "tests/support/kube/operator_program.hpp"

#include "tests/support/build_tree.hpp"
#include "tests/support/kube/kube_identities.hpp"

#include <csignal>
#include <sstream>

namespace gkm::support {

operator_program::operator_program(const kube_server& server, const std::string& name,
                                   std::vector<std::string> arguments) {
  auto who = server.as(name, account_token(server, "gkm-system", "gkm-operator"));
  child_plan plan;
  plan.command = {program("gkm-operator"),
                  "--kubeconfig",
                  who.kubeconfig().string(),
                  "--identity",
                  name,
                  "--metrics-address",
                  "",
                  "--health-address",
                  "127.0.0.1:" + std::to_string(port_.number())};
  plan.command.insert(plan.command.end(), arguments.begin(), arguments.end());
  plan.environment = basic_environment();
  plan.output = folder_.path();
  process_.emplace(plan);
}

operator_program::~operator_program() {
  if (process_->is_running()) end();
}

std::string operator_program::get(const std::string& path) const {
  temp_dir out;
  child_process curl({.command = {find_program("curl").value_or("/usr/bin/curl"), "-sf",
                                  "http://127.0.0.1:" + std::to_string(port_.number()) + path},
                      .environment = basic_environment(),
                      .output = out.path()});
  return curl.wait() == 0 ? curl.out() : "";
}

double operator_program::metric(const std::string& name, const std::string& labels) const {
  std::istringstream lines(get("/metrics"));
  double sum = 0;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name) && line.find(labels) != std::string::npos)
      sum += std::stod(line.substr(line.rfind(' ')));
  return sum;
}

int operator_program::end() {
  process_->send_signal(SIGTERM);
  return process_->wait();
}

}  // namespace gkm::support
