#include "held_group.hpp"

#include <unistd.h>

#include <fstream>
#include <string>

namespace gkm::bench {
namespace fs = std::filesystem;
namespace {

constexpr int period_us = 100'000;
const fs::path root = "/sys/fs/cgroup";

bool write(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text << std::flush;
  return out.good();
}

/// Where this process is in the hierarchy of a controller, from lines like "4:memory:/a/b"; the
/// unified one's is "0::/a/b".
std::string own_place(const std::string& controllers) {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    auto first = line.find(':');
    auto second = line.find(':', first + 1);
    if (line.substr(first + 1, second - first - 1) == controllers) return line.substr(second + 1);
  }
  return "/";
}

}  // namespace

held_group::held_group(double cpus, uint64_t memory_bytes) {
  auto quota = std::to_string(static_cast<int>(cpus * period_us));
  make("cpu", "cpu.cfs_quota_us", "cpu.max", quota, quota + " " + std::to_string(period_us));
  auto bytes = std::to_string(memory_bytes);
  make("memory", "memory.limit_in_bytes", "memory.max", bytes, bytes);
}

void held_group::make(const std::string& controller, const std::string& file_v1,
                      const std::string& file_v2, const std::string& value_v1,
                      const std::string& value_v2) {
  bool unified = fs::exists(root / "cgroup.controllers");
  auto base = unified ? root : root / controller;
  auto place = own_place(unified ? "" : controller);
  auto folder =
      base / fs::path(place).relative_path() / ("gkm-bench-" + std::to_string(::getpid()));
  std::error_code failed;
  if (fs::create_directory(folder, failed)) folders_.push_back(folder);
  if (failed || !write(folder / (unified ? file_v2 : file_v1), unified ? value_v2 : value_v1))
    problem_ += (problem_.empty() ? "no limit of " : ", nor of ") + controller;
}

held_group::~held_group() {
  for (const auto& folder : folders_) ::rmdir(folder.c_str());
}

void held_group::add(pid_t pid) const {
  for (const auto& folder : folders_) write(folder / "cgroup.procs", std::to_string(pid));
}

}  // namespace gkm::bench
