// What libFuzzer asks of a target besides running it: `--write-seeds DIR` writes the seeds and the
// dictionary and ends; a part of its mutations are our own, which know of words and parts.
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/mutator.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace gkm::fuzz {
namespace {

constexpr unsigned own_mutations_of = 3;  // one in so many

void write_dictionary(const std::filesystem::path& file) {
  std::ofstream out(file);
  for (const auto& token : tokens()) {
    out << '"';
    for (unsigned char c : token) {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", c);
      out << escaped;
    }
    out << "\"\n";
  }
}

void write_seeds(const std::filesystem::path& dir) {
  std::filesystem::create_directories(dir / "seeds");
  size_t n = 0;
  for (const auto& input : seeds())
    std::ofstream(dir / "seeds" / std::to_string(n++), std::ios::binary) << input;
  write_dictionary(dir / "dictionary");
}

}  // namespace
}  // namespace gkm::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (*argc == 3 && std::strcmp((*argv)[1], "--write-seeds") == 0) {
    gkm::fuzz::write_seeds((*argv)[2]);
    std::exit(0);
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  if (seed % gkm::fuzz::own_mutations_of != 0) return LLVMFuzzerMutate(data, size, max_size);
  static const auto tokens = gkm::fuzz::tokens();
  static const auto pool = gkm::fuzz::seeds();
  std::string input(reinterpret_cast<const char*>(data), size);
  gkm::fuzz::mutator mutate(seed, tokens, pool);
  mutate.change(input);
  const auto made = std::min(input.size(), max_size);
  std::memcpy(data, input.data(), made);
  return made;
}
