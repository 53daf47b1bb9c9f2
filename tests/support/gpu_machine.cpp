#include "tests/support/gpu_machine.hpp"

#include "tests/support/build_tree.hpp"
#include "tests/support/child_process.hpp"

namespace gkm::support {
namespace fs = std::filesystem;

gpu_machine::gpu_machine() : root_(dir_.path()) {
  fs::create_directory(root_ / "dev");
  fs::create_directory(root_ / "nvidia");
}

fs::path gpu_machine::amd_node(int node) const {
  return root_ / "sys/class/kfd/kfd/topology/nodes" / std::to_string(node);
}

void gpu_machine::add_amd_node(int node, const std::string& properties) const {
  const auto dir = amd_node(node);
  const auto unfinished = root_ / "unfinished";
  fs::create_directories(dir.parent_path());
  fs::create_directory(unfinished);
  write_whole(unfinished / "properties", properties);
  fs::rename(unfinished, dir);
}

void gpu_machine::add_amd_cpu(int node) const {
  add_amd_node(node, "cpu_cores_count 64\nsimd_count 0\ngfx_target_version 0\nunique_id 0\n");
}

void gpu_machine::add_amd_gpu(int node, const std::map<std::string, std::string>& changed) const {
  std::map<std::string, std::string> all{{"cpu_cores_count", "0"},
                                         {"simd_count", "440"},
                                         {"wave_front_size", "64"},
                                         {"gfx_target_version", "90010"},
                                         {"location_id", std::to_string(256 * node)},
                                         {"domain", "0"},
                                         {"drm_render_minor", std::to_string(128 + node)},
                                         {"capability", "746349184"},
                                         {"unique_id", "11400714819323198485"}};
  for (const auto& [key, value] : changed) all[key] = value;
  std::string text;
  for (const auto& [key, value] : all) text += key + " " + value + "\n";
  add_amd_node(node, text);
}

void gpu_machine::add_unreadable_amd_gpu(int node) const {
  // Root may read any file; nobody can read a directory as one.
  fs::create_directories(amd_node(node) / "properties");
}

fs::path gpu_machine::nvidia_library() { return nvml_stand_in(); }

void gpu_machine::nvidia(const std::string& file, const std::string& text) const {
  write("nvidia/" + file, text);
}

void gpu_machine::nvidia_without(const std::string& file) const {
  fs::remove(root_ / "nvidia" / file);
}

void gpu_machine::add_nvidia_node(const std::string& name) const { write("dev/" + name, ""); }

void gpu_machine::write(const std::string& path, const std::string& text) const {
  fs::create_directories((root_ / path).parent_path());
  write_whole(root_ / path, text);
}

}  // namespace gkm::support
