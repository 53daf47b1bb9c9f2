/// One setting that is a file of a directory, as kubelet mounts a ConfigMap: read at once, and
/// again whenever the directory changes.
#pragma once

#include "base/directory_watch.hpp"
#include "base/program/log.hpp"

#include <memory>
#include <optional>
#include <string>

namespace gkm::base {

class setting_file {
public:
  /// Hears the value, without the white space at its end, or why there is none:
  /// `errc::not_found` if there is no such file.
  using listener = std::function<void(const result<std::string>&)>;

  /// `told` is called before this returns, then from the watch's thread, each time with something
  /// new. The directory need not be there yet.
  static result<std::unique_ptr<setting_file>> follow(std::filesystem::path dir, std::string key,
                                                      listener told);

private:
  setting_file(std::filesystem::path file, listener told)
      : file_(std::move(file)), told_(std::move(told)) {}
  void look();

  const std::filesystem::path file_;
  const listener told_;
  std::optional<result<std::string>> last_;
  std::unique_ptr<directory_watch> watch_;
};

/// The log level that a setting asks for. What is no level, or not there, is said once; the level
/// that was set before stays.
class level_setting {
public:
  level_setting(std::string key, log::level now) : key_(std::move(key)), now_(now) {}
  void take(const result<std::string>& value);

private:
  const std::string key_;
  log::level now_;
};

/// Keeps the log level as the file `key` of `dir` says, for as long as what it returns lives. None
/// if `dir` is empty, or cannot be watched: then that is logged.
std::unique_ptr<setting_file> follow_level(const std::filesystem::path& dir, const std::string& key,
                                           log::level now);

}  // namespace gkm::base
