/// What a fuzz target is made of, and what it promises with. A target is one file of targets/ that
/// defines `subjects` and `tokens`; the rest is shared.
#pragma once

#include "messages/errors.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::fuzz {

/// One parser of outside input. An input of a target is one letter, which chooses the subject ('a'
/// is the first), then the text for it.
struct subject {
  std::string name;
  /// Takes any bytes, and ends the program by `require` if a promise is broken.
  std::function<void(std::string_view input)> run;
  std::vector<std::string> seeds;  ///< inputs to begin with, valid ones first of all
};

/// The target's own: which parsers it has, and words that make sense to them.
std::vector<subject> subjects();
std::vector<std::string> tokens();

/// Runs one input of the target.
void run(std::string_view input);
/// All seeds of all subjects, as inputs of the target.
std::vector<std::string> seeds();

/// A finding unless it `holds`: prints `what` and aborts.
void require(bool holds, std::string_view what);
/// The same for an outcome that must be a success.
template <class T>
void require_ok(const result<T>& r, std::string_view what) {
  if (!r) require(false, std::string(what) + ": " + r.error().message);
}

/// What is parsed, printed and parsed again is the same. `print` takes the value, `parse` returns a
/// result.
template <class Parse, class Print>
void require_round_trip(std::string_view input, Parse parse, Print print) {
  auto value = parse(input);
  if (!value) return;
  std::string text = print(*value);
  auto again = parse(text);
  require_ok(again, "what was printed is not read: " + text);
  require(*again == *value, "what was printed reads as another value: " + text);
  require(print(*again) == text, "the same value is printed in two ways: " + text);
}

/// Splits at the first line break: the first line, and what follows it.
std::pair<std::string_view, std::string_view> first_line(std::string_view input);
/// The lines of a text, without their ends.
std::vector<std::string_view> lines(std::string_view input);

/// Bytes that this process took by `new` so far, on all threads: a measure of work that no clock
/// spoils.
uint64_t allocated_bytes();

/// Between its birth and `require_at_most`, no more was taken than `base_bytes` and `factor` times
/// the input.
class work_meter {
public:
  work_meter() : before_(allocated_bytes()) {}
  void require_at_most(uint64_t base_bytes, uint64_t factor, size_t input_bytes,
                       std::string_view what) const;

private:
  uint64_t before_;
};

}  // namespace gkm::fuzz
