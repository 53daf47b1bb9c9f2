#include "tests/fuzz/fuzz.hpp"

#include <cstdio>
#include <cstdlib>

namespace gkm::fuzz {
namespace {

const std::vector<subject>& all() {
  static const auto made = subjects();
  return made;
}

}  // namespace

void run(std::string_view input) {
  if (input.empty()) return;
  const auto letter = static_cast<uint8_t>(input.front() - 'a');
  all()[letter % all().size()].run(input.substr(1));
}

std::vector<std::string> seeds() {
  std::vector<std::string> inputs;
  for (size_t i = 0; i < all().size(); ++i)
    for (const auto& seed : all()[i].seeds) inputs.push_back(static_cast<char>('a' + i) + seed);
  return inputs;
}

void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "A promise is broken: %.*s\n", static_cast<int>(what.size()), what.data());
  std::fflush(stderr);
  std::abort();
}

std::pair<std::string_view, std::string_view> first_line(std::string_view input) {
  auto end = input.find('\n');
  if (end == input.npos) return {input, {}};
  return {input.substr(0, end), input.substr(end + 1)};
}

std::vector<std::string_view> lines(std::string_view input) {
  std::vector<std::string_view> all;
  while (!input.empty()) {
    auto [line, rest] = first_line(input);
    all.push_back(line);
    input = rest;
  }
  return all;
}

void work_meter::require_at_most(uint64_t base_bytes, uint64_t factor, size_t input_bytes,
                                 std::string_view what) const {
  const auto took = allocated_bytes() - before_;
  require(took <= base_bytes + factor * input_bytes,
          std::string(what) + " took " + std::to_string(took) + " bytes for an input of " +
              std::to_string(input_bytes));
}

}  // namespace gkm::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gkm::fuzz::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
