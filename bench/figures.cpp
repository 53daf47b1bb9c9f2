#include "figures.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace gkm::bench {
namespace fs = std::filesystem;
namespace {

fs::path of(pid_t pid) { return "/proc/" + std::to_string(pid); }

}  // namespace

samples::samples(const std::string& file) : out_(std::fopen(file.c_str(), "a")) {
  if (!out_) die("Cannot open '" + file + "'");
}

samples::~samples() { std::fclose(out_); }

void samples::add(const std::string& label, double value, long kib, double cpu_s) {
  std::fprintf(out_, "%s\t%.6f\t%.6f\t%ld\n", label.c_str(), value, cpu_s, kib);
  std::fflush(out_);
}

void samples::add_calls(const std::string& label, const std::vector<double>& times) {
  add(label, quantile(times, 0.5));
  add(label + "-p99", quantile(times, 0.99));
}

double quantile(std::vector<double> all, double q) {
  std::ranges::sort(all);
  return all[std::min(all.size() - 1, static_cast<size_t>(q * static_cast<double>(all.size())))];
}

long resident_kib(pid_t pid) {
  std::ifstream status(of(pid) / "status");
  for (std::string word; status >> word;)
    if (long kib = 0; word == "VmRSS:" && status >> kib) return kib;
  return 0;
}

long switches(pid_t pid) {
  long sum = 0;
  for (const auto& thread : fs::directory_iterator(of(pid) / "task")) {
    std::ifstream status(thread.path() / "status");
    for (std::string word; status >> word;)
      if (long n = 0; word.ends_with("ctxt_switches:") && status >> n) sum += n;
  }
  return sum;
}

double cpu_seconds(pid_t pid) {
  constexpr double ns_in_s = 1e9;
  double sum_ns = 0;
  for (const auto& thread : fs::directory_iterator(of(pid) / "task")) {
    std::ifstream schedstat(thread.path() / "schedstat");
    if (double running_ns = 0; schedstat >> running_ns) sum_ns += running_ns;
  }
  return sum_ns / ns_in_s;
}

void run_quietly(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  auto child = ::fork();
  if (child == 0) {
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child || status != 0) die("Failed: " + command[0]);
}

void die(const std::string& text) { throw std::runtime_error(text); }

}  // namespace gkm::bench
