// The conformance suite of CSI against the real driver.
#include "csi_node.hpp"
#include "tests/support/build_tree.hpp"

#include <regex>
#include <tuple>
#include <utility>

namespace gkm::support {
namespace {

class csi_sanity : public csi_node {
protected:
  void SetUp() override {
    csi_node::SetUp();
    if (IsSkipped()) return;
    std::map<std::string, std::string> environment = basic_environment();
    for (const auto* name : {"HOME", "XDG_CACHE_HOME"})
      if (const char* value = std::getenv(name)) environment[name] = value;
    child_process finder({{(source_tree() / "scripts/build-csi-sanity").string(), "--find"},
                          environment,
                          bench_.output()});
    if (finder.wait() != 0) GTEST_SKIP() << "no csi-sanity: " << finder.err();
    suite_ = finder.out().substr(0, finder.out().find('\n'));
    store_cache();
    start_csi();
  }

  /// How many specs passed; the test fails if one did not.
  int passed(const std::vector<std::string>& flags) {
    std::vector<std::string> command{suite_,
                                     "--endpoint",
                                     endpoint(),
                                     "--mountdir",
                                     kubelet() / "pods",
                                     "--attributes",
                                     attributes(),
                                     "--ginkgo.no-color",
                                     "--ginkgo.focus",
                                     "Identity Service|Node Service"};
    command.insert(command.end(), flags.begin(), flags.end());
    auto [code, said] = run_suite(command);
    // Its client waits for a change of the connection's state, for a minute in vain if the
    // connection was ready before it looked.
    if (code != 0 && said.find("Connection timed out") != std::string::npos)
      std::tie(code, said) = run_suite(command);
    EXPECT_EQ(code, 0) << said;
    std::smatch found;
    if (!std::regex_search(said, found, std::regex("([0-9]+) Passed \\| 0 Failed"))) {
      ADD_FAILURE() << said;
      return 0;
    }
    std::cout << "csi-sanity: "
              << said.substr(said.find("Ran "), said.rfind("Skipped") + 7 - said.find("Ran "))
              << '\n';
    return std::stoi(found[1]);
  }
  std::pair<int, std::string> run_suite(const std::vector<std::string>& command) {
    child_process suite({command, bench_.environment(), bench_.output()});
    int code = suite.wait(std::chrono::seconds(120));
    return {code, suite.out()};
  }
  std::string attributes() const {
    std::string json;
    for (const auto& [key, value] : volume("sanity").attributes)
      json += std::string(json.empty() ? "{" : ",") + '"' + key + "\":\"" + value + '"';
    return json + "}";
  }

  std::string suite_;
};

TEST_F(csi_sanity, every_spec_that_needs_no_controller) {
  EXPECT_GE(passed({"--direct"}), 15);
  expect_nothing_left();
}

TEST_F(csi_sanity, identity_and_node_specs_with_volumes_from_a_stand_in) {
  EXPECT_GE(passed({}), 17);
  expect_nothing_left();
}

}  // namespace
}  // namespace gkm::support
