#include "tests/support/kube/kubectl.hpp"

#include "tests/support/build_tree.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/workbench.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace gkm::support {
namespace fs = std::filesystem;
namespace {

constexpr std::chrono::seconds limit{60};

std::string joined(const std::vector<std::string>& words) {
  std::string all = "kubectl";
  for (const auto& word : words) all += ' ' + word;
  return all;
}

}  // namespace

kubectl::kubectl(fs::path program, fs::path kubeconfig, fs::path folder)
    : program_(std::move(program)), kubeconfig_(std::move(kubeconfig)), folder_(std::move(folder)) {
  fs::create_directories(folder_ / "home");
}

child_process kubectl::start(const std::vector<std::string>& arguments) const {
  child_plan plan{{program_.string()}, basic_environment(), folder_ / "output"};
  // A plugin is told by the environment, not by flags, whose kubeconfig it is run with.
  plan.environment["KUBECONFIG"] = kubeconfig_;
  plan.environment["PATH"] = fs::path(support::program("kubectl-gkm")).parent_path().string() +
                             ":" + plan.environment["PATH"];
  plan.environment["HOME"] = folder_ / "home";
  plan.command.insert(plan.command.end(), arguments.begin(), arguments.end());
  return child_process(plan);
}

kubectl_answer kubectl::ask(const std::vector<std::string>& arguments) const {
  auto child = start(arguments);
  int code = child.wait(limit);
  return {code, child.out(), child.err()};
}

kubectl_answer kubectl::ask_with_file(std::vector<std::string> arguments,
                                      const std::string& text) const {
  static std::atomic<int> count = 0;
  auto file = folder_ / ("given-" + std::to_string(++count) + ".yaml");
  write_whole(file, text);
  arguments.push_back(file);
  return ask(arguments);
}

std::string kubectl::run(const std::vector<std::string>& arguments) const {
  auto answer = ask(arguments);
  EXPECT_TRUE(answer.ok()) << joined(arguments) << ": " << answer.out << answer.err;
  return answer.out;
}

std::string kubectl::apply(const std::string& yaml) const {
  auto answer = ask_with_file({"apply", "-f"}, yaml);
  EXPECT_TRUE(answer.ok()) << answer.out << answer.err << "\nof\n" << yaml;
  return answer.out;
}

std::string kubectl::apply_at_server(const std::string& yaml) const {
  auto answer = ask_with_file({"apply", "--server-side", "-f"}, yaml);
  EXPECT_TRUE(answer.ok()) << answer.out << answer.err << "\nof\n" << yaml;
  return answer.out;
}

std::string kubectl::field(const std::vector<std::string>& object,
                           const std::string& json_path) const {
  std::vector<std::string> arguments{"get", "-o", "jsonpath=" + json_path};
  arguments.insert(arguments.end(), object.begin(), object.end());
  return run(arguments);
}

}  // namespace gkm::support
