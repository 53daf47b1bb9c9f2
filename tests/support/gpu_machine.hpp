/// A machine with GPUs that do not exist: a tree that looks like AMD's driver in sysfs, and a
/// library that stands in for NVIDIA's. Everything can change while a program looks at it.
#pragma once

#include "tests/support/temp_dir.hpp"

#include <map>
#include <string>

namespace gkm::support {

class gpu_machine {
public:
  /// Without any GPU or driver, but with an empty dev.
  gpu_machine();

  /// What stands for "/".
  const std::filesystem::path& root() const { return root_; }

  /// A node of AMD's driver, there at once with all of its files: a CPU, or a gfx90a with these
  /// properties added or changed.
  void add_amd_cpu(int node) const;
  void add_amd_gpu(int node, const std::map<std::string, std::string>& properties = {}) const;
  /// One that says of itself that it is there, and no more.
  void add_unreadable_amd_gpu(int node) const;
  std::filesystem::path amd_node(int node) const;

  /// NVIDIA's library, and the variable that tells it where `nvidia` wrote.
  static std::filesystem::path nvidia_library();
  std::string nvidia_variable() const { return root_ / "nvidia"; }
  static constexpr const char* nvidia_variable_name = "GKM_NVML_STAND_IN";
  /// One of the files that the library reads (tests/support/nvml/stand_in.cpp).
  void nvidia(const std::string& file, const std::string& text) const;
  void nvidia_without(const std::string& file) const;
  /// A node in dev, as the driver makes it.
  void add_nvidia_node(const std::string& name) const;

  void write(const std::string& path, const std::string& text) const;

private:
  void add_amd_node(int node, const std::string& properties) const;

  temp_dir dir_;
  std::filesystem::path root_;
};

}  // namespace gkm::support
