/// A file that follows something which changes often: replaced at once after a change, after that
/// at most once a pause, and never without a change.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace gkm::csi {

class paced_file {
public:
  /// `print` makes the content, on this file's own thread. It is written for the first time now. A
  /// write that fails is said in the log, once in a row, and made up for by the next change.
  paced_file(std::filesystem::path file, std::function<std::string()> print,
             std::chrono::milliseconds pause = std::chrono::seconds(1));
  /// What is due is written first.
  ~paced_file();
  paced_file(const paced_file&) = delete;
  paced_file& operator=(const paced_file&) = delete;

  /// From any thread.
  void changed();

private:
  void follow();
  void write();

  const std::filesystem::path file_;
  const std::function<std::string()> print_;
  const std::chrono::milliseconds pause_;
  bool failed_ = false;  ///< the last write
  std::mutex mutex_;
  std::condition_variable news_;
  bool due_ = true;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace gkm::csi
