/// One user's corner of a machine: a directory of cache files, a state directory, and the real
/// `gkm` run as a child process. Everything lies in one temporary folder that goes with it.
#pragma once

#include "messages/cache.hpp"
#include "tests/support/child_process.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gkm::support {

/// How a command ended and what it said.
struct outcome {
  int code = -1;
  std::string out;
  std::string err;
};

/// Path → content; links as "-> target", directories as "/", with x for executables.
std::map<std::string, std::string> tree_of(const std::filesystem::path& dir);

class workbench {
public:
  workbench();
  ~workbench();
  workbench(const workbench&) = delete;
  workbench& operator=(const workbench&) = delete;

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path caches() const { return root_ / "caches"; }
  std::filesystem::path state() const { return state_; }
  std::filesystem::path output() const { return root_ / "output"; }
  /// Another state directory from now on.
  void keep_state_in(std::filesystem::path dir) { state_ = std::move(dir); }
  std::map<std::string, std::string>& environment() { return environment_; }
  /// Runs gkm as an ordinary user from now on, who owns this folder.
  void be_nobody();

  /// `gkm` with these arguments and --state-dir.
  child_process start(std::vector<std::string> arguments) const;
  outcome gkm(std::vector<std::string> arguments) const;
  /// `gkm up` of `caches()`, with these flags.
  child_process up(std::vector<std::string> flags = {}) const;

  void write_file(const std::string& name, const std::string& yaml) const;
  /// A file NAME.yaml that wants this image as default/NAME.
  void want(const std::string& name, const std::string& image) const;

  /// As the state directory's records tell it.
  std::vector<cache_status> statuses() const;
  std::string problems() const;  ///< of files: "file:line: field message", one a line
  /// Empty name if there is none.
  cache_status status(const std::string& name) const;
  /// Waits until it is so; what was last seen goes with a failure.
  cache_status wait_for(const std::string& name, const std::string& what,
                        const std::function<bool(const cache_status&)>& is_so) const;
  cache_status wait_ready(const std::string& name) const;
  cache_status wait_error(const std::string& name, errc code) const;
  /// Waits until a transfer that ended has cleaned up behind it: nothing staged, and the store
  /// holds so many digests.
  void wait_store(size_t digests) const;

  std::vector<std::string> staged() const;
  std::vector<std::string> stored() const;
  bool has_unsynced() const;

private:
  std::filesystem::path root_;
  std::filesystem::path state_;
  std::map<std::string, std::string> environment_;
  bool nobody_ = false;
};

}  // namespace gkm::support
