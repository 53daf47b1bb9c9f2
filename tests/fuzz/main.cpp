// Runs a target without libFuzzer, built by any compiler:
//   NAME_fuzz              its seeds, its corpus, and a fixed number of mutations of them: what
//   `make test` does NAME_fuzz FILE...      these inputs, each told before it runs: to look at a
//   finding
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/mutator.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace gkm::fuzz {
namespace {

constexpr int mutations = GKM_FUZZ_MUTATIONS;
constexpr uint64_t mutation_seed = 20'261'130;
constexpr size_t input_bytes_max = 8 << 10;

/// The input that runs now, for whoever looks at a finding.
std::string running;

void run_one(std::string input) {
  running = std::move(input);
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(running.data()), running.size());
}

/// Called when a promise is broken or a sanitizer has found something: the input is worth more than
/// a number.
void keep_running() {
  const char* dir = std::getenv("TMPDIR");
  const auto path = std::filesystem::path(dir ? dir : "/tmp") / ("gkm-" GKM_FUZZ_TARGET "-finding");
  std::ofstream(path, std::ios::binary) << running;
  std::fprintf(stderr, "The input is in %s\n", path.c_str());
}

extern "C" void on_abort(int) {
  keep_running();
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> corpus() {
  const std::filesystem::path dir = GKM_FUZZ_CORPUS;
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(dir))
    for (const auto& e : std::filesystem::directory_iterator(dir)) files.push_back(e.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> inputs;
  for (const auto& f : files) inputs.push_back(read(f));
  return inputs;
}

int replay() {
  auto pool = seeds();
  for (auto& input : corpus()) pool.push_back(std::move(input));
  for (const auto& input : pool) run_one(input);
  const auto words = tokens();
  mutator mutate(mutation_seed, words, pool);
  for (int i = 0; i < mutations; ++i) run_one(mutate.make(input_bytes_max));
  std::printf("%s: %zu inputs and %d mutations of them\n", GKM_FUZZ_TARGET, pool.size(), mutations);
  return 0;
}

int replay_files(int count, char** files) {
  for (int i = 0; i < count; ++i) {
    std::printf("%s\n", files[i]);
    std::fflush(stdout);
    run_one(read(files[i]));
  }
  return 0;
}

}  // namespace
}  // namespace gkm::fuzz

int main(int argc, char** argv) {
  std::signal(SIGABRT, gkm::fuzz::on_abort);
  return argc > 1 ? gkm::fuzz::replay_files(argc - 1, argv + 1) : gkm::fuzz::replay();
}
