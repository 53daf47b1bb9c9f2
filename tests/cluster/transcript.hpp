/// A story of kubectl commands that people can read, told on standard output while a test runs it.
#pragma once

#include "tests/support/kube/api_requests.hpp"
#include "tests/support/kube/kubectl.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace gkm::support {

class transcript {
public:
  transcript(const kubectl& by, const api_requests& log) : kubectl_(by), log_(log) {}

  void say(const std::string& text) const { std::cout << "\n# " << text << '\n'; }
  void run(const std::vector<std::string>& words) const {
    std::string line = "$ kubectl";
    for (const auto& word : words)
      line += word.find_first_of(" {}\"") == std::string::npos ? ' ' + word : " '" + word + "'";
    auto answer = kubectl_.ask(words);
    EXPECT_TRUE(answer.ok()) << line << ": " << answer.err;
    std::cout << line << "\n" << answer.out << answer.err << std::flush;
  }
  void apply(const std::string& yaml) const {
    std::cout << "$ kubectl apply -f - <<< \"" << yaml.substr(0, yaml.find("\n---")) << "\"\n"
              << kubectl_.apply(yaml) << std::flush;
  }
  /// What each of GKM's programs asked of the API server since, watches apart.
  void count_requests(size_t since, const std::string& of_what) const {
    std::map<std::string, std::map<std::string, int>> all;
    for (const auto& r : log_.since(since, [](const api_request& r) { return r.verb != "watch"; }))
      if (r.program.starts_with("gkm-"))
        ++all[r.node.empty() || r.program == "gkm-operator"
                  ? r.program
                  : r.program + " on " + r.node][r.what()];
    std::cout << "\n  API requests " << of_what << ":\n";
    for (const auto& [program, requests] : all) {
      std::cout << "    " << program << ':';
      for (const auto& [what, n] : requests) std::cout << "  " << n << " x " << what;
      std::cout << '\n';
    }
  }

private:
  const kubectl& kubectl_;
  const api_requests& log_;
};

}  // namespace gkm::support
