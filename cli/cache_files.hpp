/// GKMCache and ClusterGKMCache YAML, as kubectl takes it, read from a directory.
#pragma once

#include "messages/cache.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::cli {

constexpr size_t max_yaml_bytes = 1 << 20;

/// One thing wrong with a file, where a person finds it.
struct file_problem {
  std::string file;
  int line = 0;  ///< from 1; 0: the file as a whole
  std::string field;
  std::string message;

  /// "caches/a.yaml:7: spec.image: …".
  std::string str() const;
  bool operator==(const file_problem&) const = default;
};

struct cache_file {
  std::vector<cache_spec> caches;
  std::vector<file_problem> problems;
  std::vector<file_problem> notes;  ///< what is understood, but has no meaning on one machine
  bool hides_some = false;          ///< a broken part may have named further caches

  bool operator==(const cache_file&) const = default;
};

/// The caches of one YAML text (one or more documents). Documents of other kinds (the pods beside
/// the caches, say) are skipped, lists are looked into; a file without any cache is a problem. A
/// GKMCache without a namespace is in `default`.
cache_file parse_cache_file(const std::string& name, std::string_view yaml);

/// All *.yaml, *.yml and *.json files of `dir` (not below it, no hidden ones), by name.
result<std::map<std::string, cache_file>> read_cache_files(const std::filesystem::path& dir);

/// What is wanted, after a directory was read. A file with problems keeps what it wanted before; of
/// two files that name the same cache the first by name wins, the other is reported.
struct declared_caches {
  std::map<cache_ref, cache_spec> caches;
  std::map<std::string, std::vector<cache_ref>> owners;  ///< by file
  std::vector<file_problem> problems;
  std::vector<file_problem> notes;
  bool hides_some = false;  ///< of some file it cannot be told what it wants
};
declared_caches merge_cache_files(const declared_caches& before,
                                  const std::map<std::string, cache_file>& files);

}  // namespace gkm::cli
