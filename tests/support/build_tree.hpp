/// Where the programs under test, the sources and the stand-in for NVML lie.
#pragma once

#include <filesystem>
#include <string>

namespace gkm::support {

/// The path of a program that this build made, such as "gkm-agent".
std::string program(const std::string& name);
/// The repository's root.
std::filesystem::path source_tree();
/// The shared library that answers as libnvidia-ml.so.1 does.
std::filesystem::path nvml_stand_in();

}  // namespace gkm::support
