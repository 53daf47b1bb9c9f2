#include "base/program/program.hpp"

#include "base/files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace gkm::base {
namespace {

using steady = std::chrono::steady_clock;

struct pipe_ends {
  fd read;
  fd write;
  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read = fd(ends[0]);
    write = fd(ends[1]);
    return true;
  }
};

struct spawn_settings {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  spawn_settings(int in, int out) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    // A group of its own, so that what the program starts can be ended with it; signals as a shell
    // would set them, whatever this process blocks.
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~spawn_settings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  spawn_settings(const spawn_settings&) = delete;
  spawn_settings& operator=(const spawn_settings&) = delete;
};

// A child that is never left behind: its end is awaited, or brought about.
class child {
public:
  // glibc 2.36 declares pidfd_open, but not for C++.
  explicit child(pid_t pid)
      : pid_(pid), ended_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  ~child() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    reap();
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  /// Readable once the child has ended; -1 on kernels without pidfds.
  int ended() const { return ended_.get(); }
  int reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    pid_ = 0;
    return status;
  }

private:
  pid_t pid_;
  fd ended_;
};

// True once `file` is ready, false when the deadline has passed.
bool wait_ready(int file, steady::time_point deadline) {
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady::now()).count();
    if (left <= 0) return false;
    pollfd item{file, POLLIN, 0};
    int n = ::poll(&item, 1, static_cast<int>(left));
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
  }
}

error too_slow(const program& what) {
  return {errc::unavailable,
          "no answer within " + std::to_string(what.time_limit.count()) + " seconds",
          {}};
}

result<std::string> read_output(int from, const program& what, steady::time_point deadline) {
  std::string output;
  char block[4096];
  for (;;) {
    if (!wait_ready(from, deadline)) return fail(too_slow(what));
    auto n = ::read(from, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return output;
    output.append(block, static_cast<size_t>(n));
    if (output.size() > what.max_output_bytes)
      return fail(errc::limit_exceeded,
                  "it printed more than " + std::to_string(what.max_output_bytes) + " bytes");
  }
}

// Pointers to texts that outlive it, ended by a null.
class text_list {
public:
  void add(std::string text) { texts_.push_back(std::move(text)); }
  char** pointers() {
    for (auto& t : texts_) pointers_.push_back(t.data());
    pointers_.push_back(nullptr);
    return pointers_.data();
  }

private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

text_list environment_of(const program& what) {
  text_list all;
  for (char** at = environ; *at; ++at) {
    std::string_view entry(*at);
    auto name = entry.substr(0, entry.find('='));
    bool replaced = false;
    for (const auto& [key, value] : what.environment) replaced = replaced || key == name;
    if (!replaced) all.add(std::string(entry));
  }
  for (const auto& [key, value] : what.environment) all.add(key + "=" + value);
  return all;
}

result<pid_t> start(const program& what, const pipe_ends& in, const pipe_ends& out) {
  text_list arguments;
  arguments.add(what.file);
  for (const auto& a : what.arguments) arguments.add(a);
  auto variables = environment_of(what);
  pid_t pid = 0;
  spawn_settings settings(in.read.get(), out.write.get());
  int failed = ::posix_spawnp(&pid, what.file.c_str(), &settings.actions, &settings.attributes,
                              arguments.pointers(), variables.pointers());
  if (failed != 0) return fail(errc::not_found, std::strerror(failed));
  return pid;
}

}  // namespace

result<program_end> run_program(const program& what) {
  auto deadline = steady::now() + what.time_limit;
  if (what.input.size() > max_program_input_bytes)
    return fail(errc::limit_exceeded, "its input is too long");
  pipe_ends in;
  pipe_ends out;
  if (!in.open() || !out.open()) return fail(errc::io, std::strerror(errno));
  // Written before the program starts: the pipe holds it, so nothing blocks and nobody gets
  // SIGPIPE.
  auto written = ::write(in.write.get(), what.input.data(), what.input.size());
  if (written != static_cast<ssize_t>(what.input.size()))
    return fail(errc::io, std::strerror(errno));
  in.write.reset();
  auto pid = start(what, in, out);
  if (!pid) return fail(pid.error());
  child running(*pid);
  in.read.reset();
  out.write.reset();
  auto output = read_output(out.read.get(), what, deadline);
  if (!output) return fail(output.error());
  if (running.ended() >= 0 && !wait_ready(running.ended(), deadline)) return fail(too_slow(what));
  int status = running.reap();
  return program_end{WIFEXITED(status) ? WEXITSTATUS(status) : -1, std::move(*output)};
}

}  // namespace gkm::base
