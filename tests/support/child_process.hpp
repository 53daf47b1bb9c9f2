/// A program run as a child, its output in files of the test's own. The destructor ends it: no
/// child outlives its test, nor the death of the test program.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gkm::support {

struct child_plan {
  std::vector<std::string> command;                  ///< the program's path and its arguments
  std::map<std::string, std::string> environment{};  ///< all of it
  std::filesystem::path output;                      ///< a folder for what it says
  bool as_nobody = false;  ///< gives up being root; nothing changes for who is not
};

class child_process {
public:
  explicit child_process(const child_plan& plan);
  ~child_process();
  child_process(child_process&& other) noexcept;
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  pid_t pid() const { return pid_; }
  bool is_running();
  void send_signal(int signal) const;
  /// The exit code, 128 + n if signal n ended it. A child that does not end within `limit` is
  /// killed, and the test fails.
  int wait(std::chrono::seconds limit = std::chrono::seconds{30});
  std::string out() const;
  std::string err() const;

private:
  bool reap(bool block);

  pid_t pid_ = -1;
  std::optional<int> code_;
  std::filesystem::path out_;
  std::filesystem::path err_;
};

/// Asks until it is so. False, and a failed test, after `limit`.
bool eventually(const std::string& what, const std::function<bool()>& is_so,
                std::chrono::seconds limit = std::chrono::seconds{30});

/// The program's path, searched for in PATH; nothing if it is not installed.
std::optional<std::string> find_program(const std::string& name);

/// Runs a program in a clean environment with PATH and these variables; the test fails, with its
/// words, if it does not end with 0. Returns its standard output.
std::string run_program(const std::vector<std::string>& command,
                        const std::filesystem::path& output,
                        std::map<std::string, std::string> environment = {});

/// What every child gets: PATH, and what sanitizers are told.
std::map<std::string, std::string> basic_environment();

std::string read_whole(const std::filesystem::path& file);
void write_whole(const std::filesystem::path& file, const std::string& text);

}  // namespace gkm::support
