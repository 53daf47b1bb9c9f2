/// A control group below this process's own, whose members share a little processor time and
/// memory, as a container's do. Of either version, whichever the machine has.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gkm::bench {

class held_group {
public:
  /// Some of what was asked for may not be possible here: see `problem`.
  held_group(double cpus, uint64_t memory_bytes);
  /// Its members have ended by then.
  ~held_group();
  held_group(const held_group&) = delete;
  held_group& operator=(const held_group&) = delete;

  void add(pid_t pid) const;
  /// Empty if both limits hold.
  const std::string& problem() const { return problem_; }

private:
  void make(const std::string& controller, const std::string& file_v1, const std::string& file_v2,
            const std::string& value_v1, const std::string& value_v2);

  std::vector<std::filesystem::path> folders_;
  std::string problem_;
};

}  // namespace gkm::bench
