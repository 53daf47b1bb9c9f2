/// Which files of an extracted cache hold paths of the machine where it was made.
#pragma once

#include "base/file_observer.hpp"
#include "messages/relocation.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::relocation {

/// Notes the index files of a cache while it streams by.
class index_files : public base::file_observer {
public:
  void begin(std::string_view path, uint64_t size_bytes) override;
  void data(std::span<const std::byte>) override {}
  void end() override {}

  /// Each once, in order. They end with the next call of `begin`.
  std::vector<std::string_view> names() const;
  uint64_t left_out() const { return left_out_; }  ///< beyond the list's limits

private:
  std::string text_;  // names, each with '\n' after it, maybe twice
  size_t count_ = 0;
  uint64_t left_out_ = 0;
};

/// The index files of a directory on disk. Follows no links below it. Errors: io, not_found,
/// limit_exceeded.
result<index_files> find_index_files(const std::filesystem::path& content);

/// Takes the list as it is printed, part by part. An error ends the scan.
using list_sink = std::function<result<void>(std::string_view part)>;

struct scan_report {
  uint64_t files = 0;                 ///< in the list; 0: nothing needs relocation, there is none
  std::vector<std::string> problems;  ///< index files that stay as they are though they should not
};

/// Reads the index files of a complete content directory. A path is listed with the longest end of
/// it that exists in the cache; paths of which nothing exists there are left alone, and so are
/// those that are right for a cache at `home`, if one is given. Blocks. Errors: io, cancelled, and
/// those of `list`.
result<scan_report> scan(const std::filesystem::path& content, const index_files& files,
                         const list_sink& list, std::stop_token stop, std::string_view home = {});

}  // namespace gkm::relocation
