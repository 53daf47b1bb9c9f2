/// What a story found wrong, each once, with the time at which it did.
#pragma once

#include "tests/support/sim/sim_world.hpp"

#include <set>
#include <sstream>
#include <string>

namespace gkm::sim {

class complaints {
public:
  explicit complaints(world& w) : world_(w) {}

  void add(const std::string& what) {
    if (said_.insert(what).second) text_ << "at " << world_.now_ms() << " ms: " << what << "\n";
  }
  std::string text() const { return text_.str(); }
  bool none() const { return said_.empty(); }

private:
  world& world_;
  std::set<std::string> said_;
  std::ostringstream text_;
};

}  // namespace gkm::sim
