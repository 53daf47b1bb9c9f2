/// Runs a small program that answers on its standard output. For worker threads: it waits.
#pragma once

#include "messages/errors.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace gkm::base {

struct program {
  std::string file;  ///< a path, or a name that is found in PATH; no shell
  std::vector<std::string> arguments{};
  std::vector<std::pair<std::string, std::string>> environment{};  ///< beside our own
  std::string input{};  ///< at most `max_program_input_bytes`
  std::chrono::seconds time_limit{10};
  size_t max_output_bytes = 64 << 10;
};

constexpr size_t max_program_input_bytes = 4'096;  ///< what a pipe takes without blocking

struct program_end {
  int exit_code = 0;  ///< -1: a signal ended it
  std::string output;
};

/// It has no terminal, its standard error is nowhere, and whatever it starts ends with it.
/// `errc::not_found` if it cannot be started, `unavailable` if it takes too long, `limit_exceeded`
/// if it prints too much. Messages are causes only, and never hold what it printed.
result<program_end> run_program(const program& what);

}  // namespace gkm::base
