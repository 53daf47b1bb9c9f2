#include "tests/support/build_tree.hpp"

namespace gkm::support {

std::string program(const std::string& name) { return std::string(GKM_BIN_DIR) + "/" + name; }
std::filesystem::path source_tree() { return GKM_SOURCE_DIR; }
std::filesystem::path nvml_stand_in() { return GKM_NVML_STAND_IN_LIBRARY; }

}  // namespace gkm::support
