#include "tests/support/child_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

namespace gkm::support {
namespace fs = std::filesystem;
namespace {

constexpr std::chrono::milliseconds poll_pause{20};
constexpr int cannot_start = 127;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& t : texts) all.push_back(t.data());
  all.push_back(nullptr);
  return all;
}

struct identity {
  uid_t user;
  gid_t group;
};

identity nobody() {
  const auto* entry = ::getpwnam("nobody");
  return entry ? identity{entry->pw_uid, entry->pw_gid} : identity{65'534, 65'534};
}

/// In the child, after fork in a program with threads: system calls only.
[[noreturn]] void become(char* const* arguments, char* const* environment, int out, int err,
                         const std::optional<identity>& who) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  if (who &&
      (::setgroups(0, nullptr) != 0 || ::setgid(who->group) != 0 || ::setuid(who->user) != 0))
    ::_exit(cannot_start);
  ::execve(arguments[0], arguments, environment);
  ::_exit(cannot_start);
}

int create(const fs::path& file) {
  return ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

}  // namespace

child_process::child_process(const child_plan& plan) {
  static int count = 0;
  auto name = fs::path(plan.command.at(0)).filename().string() + "-" + std::to_string(++count);
  fs::create_directories(plan.output);
  out_ = plan.output / (name + ".out");
  err_ = plan.output / (name + ".err");
  auto command = plan.command;
  std::vector<std::string> variables;
  for (const auto& [key, value] : plan.environment) variables.push_back(key + "=" + value);
  auto arguments = pointers(command);
  auto environment = pointers(variables);
  std::optional<identity> who;
  if (plan.as_nobody && ::geteuid() == 0) who = nobody();
  int out = create(out_);
  int err = create(err_);
  pid_ = ::fork();
  if (pid_ == 0) become(arguments.data(), environment.data(), out, err, who);
  ::close(out);
  ::close(err);
}

child_process::child_process(child_process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      code_(other.code_),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

child_process::~child_process() {
  if (!is_running()) return;
  send_signal(SIGKILL);
  reap(true);
}

bool child_process::reap(bool block) {
  if (pid_ < 0 || code_) return true;
  int status = 0;
  if (::waitpid(pid_, &status, block ? 0 : WNOHANG) != pid_) return false;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

bool child_process::is_running() { return !reap(false); }

void child_process::send_signal(int signal) const {
  if (pid_ > 0 && !code_) ::kill(pid_, signal);
}

int child_process::wait(std::chrono::seconds limit) {
  auto end = std::chrono::steady_clock::now() + limit;
  while (!reap(false)) {
    if (std::chrono::steady_clock::now() > end) {
      ADD_FAILURE() << "It does not end: " << out_.filename() << '\n' << err();
      send_signal(SIGKILL);
      reap(true);
    }
    std::this_thread::sleep_for(poll_pause / 4);
  }
  return code_.value_or(-1);
}

std::string child_process::out() const { return read_whole(out_); }
std::string child_process::err() const { return read_whole(err_); }

bool eventually(const std::string& what, const std::function<bool()>& is_so,
                std::chrono::seconds limit) {
  auto end = std::chrono::steady_clock::now() + limit;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > end) {
      ADD_FAILURE() << "It never came to this: " << what;
      return false;
    }
    std::this_thread::sleep_for(poll_pause);
  }
  return true;
}

std::optional<std::string> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (auto file = folder + "/" + name; ::access(file.c_str(), X_OK) == 0) return file;
  return std::nullopt;
}

std::string run_program(const std::vector<std::string>& command, const fs::path& output,
                        std::map<std::string, std::string> environment) {
  child_plan plan{command, basic_environment(), output};
  if (auto found = find_program(command.at(0)); found && command[0].find('/') == std::string::npos)
    plan.command[0] = *found;
  plan.environment.merge(environment);
  child_process child(plan);
  int code = child.wait();
  EXPECT_EQ(code, 0) << command[0] << ": " << child.out() << child.err();
  return child.out();
}

std::map<std::string, std::string> basic_environment() {
  std::map<std::string, std::string> all;
  for (const auto* name :
       {"PATH", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"})
    if (const char* value = std::getenv(name)) all[name] = value;
  return all;
}

std::string read_whole(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_whole(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

}  // namespace gkm::support
