/// Targets read from the cache itself: Triton's JSON, ELF headers, ELF images inside artifacts.
#pragma once

#include "base/file_observer.hpp"
#include "messages/target.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gkm::gpus {

struct target_report {
  std::vector<target> targets;              ///< sorted, distinct; empty: could not be told
  std::map<std::string, uint64_t> kernels;  ///< kernels per target, keyed by target::str()
  uint64_t kernel_count = 0;                ///< ELF images and kernel JSON files that told a target
  std::vector<std::string> problems;        ///< unreadable kernels, JSON that disagrees; bounded
};

/// Feed it every file of a cache while it is written (or use `scan_directory`). Keeps a bounded
/// part of a file in memory, whatever its size.
class target_scanner : public base::file_observer {
public:
  target_scanner();
  ~target_scanner() override;
  void begin(std::string_view path, uint64_t size_bytes) override;
  void data(std::span<const std::byte> bytes) override;
  void end() override;
  /// False if the rest of the current file cannot change the report: `data` need not be called.
  bool wants_data() const;
  /// What was found so far.
  target_report report() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// Reads one file on disk, which may be a link.
result<target_report> scan_file(const std::filesystem::path& file);

/// Reads a cache directory on disk. Follows no links below `dir`, which may be one itself.
result<target_report> scan_directory(const std::filesystem::path& dir);

}  // namespace gkm::gpus
