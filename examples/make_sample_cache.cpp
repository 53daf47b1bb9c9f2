/// make-sample-cache: a Triton-shaped cache for trying GKM without a GPU, and the input of the
/// benchmarks. The same arguments give the same bytes.
#include "sample/triton_cache.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>

namespace {

int run(const std::string& dir, const std::string& target, gkm::sample::cache_plan plan) {
  auto parsed = gkm::sample::parse_target(target);
  if (!parsed) {
    std::fprintf(stderr, "make-sample-cache: %s\n", parsed.error().message.c_str());
    return 2;
  }
  plan.target = *parsed;
  auto made = gkm::sample::write_triton_cache(dir, plan);
  if (!made) {
    std::fprintf(stderr, "make-sample-cache: %s\n", made.error().message.c_str());
    return 1;
  }
  std::printf("%s: %u kernels for %s, %llu files, %llu bytes\n", dir.c_str(), plan.kernels,
              target.c_str(), static_cast<unsigned long long>(made->files),
              static_cast<unsigned long long>(made->bytes));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Writes a sample Triton cache: real names and headers, invented kernels"};
  std::string dir;
  std::string target = "gfx90a";
  gkm::sample::cache_plan plan;
  plan.root = "/workspace/.triton/cache";
  constexpr unsigned most_kernels = 1'000'000;
  constexpr bool kilo_is_1000 = true;
  app.add_option("DIR", dir, "Where to write it; must be empty or not exist")->required();
  app.add_option("--target", target, "gfx90a, gfx942, sm_75, sm_90a, ...")->capture_default_str();
  app.add_option("--kernels", plan.kernels, "How many; each makes 7 files")
      ->check(CLI::Range(0U, most_kernels))
      ->capture_default_str();
  app.add_option("--bytes", plan.bytes, "Size of all files together, for example 200MB or 2GB")
      ->transform(CLI::AsSizeValue(kilo_is_1000))
      ->capture_default_str();
  app.add_option("--root", plan.root, "Where the cache pretends to have been made")
      ->capture_default_str();
  app.add_option("--seed", plan.seed, "Another seed, other kernels")->capture_default_str();
  app.footer("Example: make-sample-cache /tmp/cache --target gfx942 --kernels 714 --bytes 200MB");
  CLI11_PARSE(app, argc, argv);
  return run(dir, target, std::move(plan));
}
