#include "oci/credential_helper.hpp"

#include "base/files.hpp"
#include "messages/printable.hpp"
#include "oci/json.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace gkm::oci {
namespace {

using steady = std::chrono::steady_clock;

constexpr std::chrono::seconds helper_limit{10};
constexpr size_t max_output_bytes = 64 << 10;
constexpr size_t max_name_chars = 64;
constexpr size_t max_server_bytes = 1'024;  // far below what a pipe takes without blocking

struct pipe_ends {
  base::fd read;
  base::fd write;
  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read = base::fd(ends[0]);
    write = base::fd(ends[1]);
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
    // A group of its own, so that what the helper starts can be ended with it; signals as a shell
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
  base::fd ended_;
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

struct helper_run {
  int status = 0;
  std::string output;
};

result<std::string> read_output(int from, const std::string& program, steady::time_point deadline) {
  std::string output;
  char block[4096];
  for (;;) {
    if (!wait_ready(from, deadline))
      return fail(errc::unavailable, "credential helper '" + program + "' gave no answer within " +
                                         std::to_string(helper_limit.count()) + " seconds");
    auto n = ::read(from, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return output;
    output.append(block, static_cast<size_t>(n));
    if (output.size() > max_output_bytes)
      return fail(errc::limit_exceeded, "credential helper '" + program + "' printed more than " +
                                            std::to_string(max_output_bytes) + " bytes");
  }
}

result<helper_run> run_helper(const std::string& program, const std::string& input) {
  auto deadline = steady::now() + helper_limit;
  auto step = "Failed to run credential helper '" + program + "': ";
  pipe_ends in;
  pipe_ends out;
  if (!in.open() || !out.open()) return fail(errc::io, step + std::strerror(errno));
  // Written before the program starts: the pipe holds it, so nothing blocks and nobody gets
  // SIGPIPE.
  auto written = ::write(in.write.get(), input.data(), input.size());
  if (written != static_cast<ssize_t>(input.size()))
    return fail(errc::io, step + std::strerror(errno));
  in.write.reset();
  std::string name = program;
  std::string verb = "get";
  char* arguments[] = {name.data(), verb.data(), nullptr};
  pid_t pid = 0;
  spawn_settings settings(in.read.get(), out.write.get());
  int failed = ::posix_spawnp(&pid, program.c_str(), &settings.actions, &settings.attributes,
                              arguments, environ);
  if (failed != 0)
    return fail(errc::unauthorized,
                step + std::strerror(failed) +
                    ": install it in PATH, or take it out of the registry configuration file");
  child helper(pid);
  in.read.reset();
  out.write.reset();
  auto output = read_output(out.read.get(), program, deadline);
  if (!output) return fail(output.error());
  if (helper.ended() >= 0 && !wait_ready(helper.ended(), deadline))
    return fail(errc::unavailable, "credential helper '" + program + "' did not end within " +
                                       std::to_string(helper_limit.count()) + " seconds");
  return helper_run{helper.reap(), std::move(*output)};
}

result<std::optional<credential>> read_answer(const std::string& output,
                                              const std::string& program) {
  auto step = "Failed to read the answer of credential helper '" + program + "': ";
  rapidjson::Document document;
  if (auto ok = json::parse(output, "the answer", document); !ok)
    return fail(errc::unauthorized, step + ok.error().message);
  auto username = json::text(document, "Username", "");
  auto secret = json::text(document, "Secret", "");
  if (!username) return fail(errc::unauthorized, step + username.error().message);
  if (!secret) return fail(errc::unauthorized, step + secret.error().message);
  if (secret->empty()) return std::nullopt;
  if (*username == "<token>") return credential{{}, {}, std::move(*secret)};
  return credential{std::move(*username), std::move(*secret), {}};
}

}  // namespace

bool is_helper_name(std::string_view name) {
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= max_name_chars &&
         std::all_of(name.begin(), name.end(), fits);
}

result<std::optional<credential>> ask_credential_helper(const std::string& name,
                                                        const std::string& server) {
  if (!is_helper_name(name))
    return fail(errc::invalid_argument, "credential helper '" + printable(name, 64) +
                                            "' is not a name of a-z, 0-9, '_', '.' and '-'");
  if (server.size() > max_server_bytes)
    return fail(errc::invalid_argument, "registry '" + printable(server, 64) + "...' is too long");
  auto program = "docker-credential-" + name;
  auto run = run_helper(program, server);
  if (!run) return fail(run.error());
  if (WIFEXITED(run->status) && WEXITSTATUS(run->status) == 0)
    return read_answer(run->output, program);
  if (run->output.find("credentials not found") != std::string::npos) return std::nullopt;
  return fail(errc::unauthorized, "credential helper '" + program + "' failed for '" +
                                      printable(server) + "': run 'echo " + printable(server) +
                                      " | " + program + " get' to see why");
}

}  // namespace gkm::oci
