/// What every test against a real API server starts from.
#pragma once

#include "tests/support/kube/kube_server.hpp"

#include <gtest/gtest.h>

namespace gkm::support {

/// Skips where no server can be had. Otherwise `server()` is the one of the whole test program.
class cluster_test : public ::testing::Test {
protected:
  void SetUp() override {
    if (auto programs = find_kube_programs(); !programs)
      GTEST_SKIP() << "no API server: " << programs.error();
  }

  static kube_server& server() { return kube_server::shared(); }
  static const kubectl& admin() { return server().admin(); }
};

}  // namespace gkm::support
