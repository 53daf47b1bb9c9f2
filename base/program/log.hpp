/// The log: a constant message plus key/value pairs, one line each, text or JSON, on standard
/// error. Keys are constant too; only values vary, so that lines can be searched and counted.
#pragma once

#include "messages/errors.hpp"

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace gkm::base::log {

enum class level { debug, info, warn, error, off };

/// One key and its value, already text.
struct kv {
  std::string_view key;
  std::string value;

  kv(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  kv(std::string_view k, std::string_view v) : key(k), value(v) {}
  kv(std::string_view k, const char* v) : key(k), value(v) {}
  kv(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <class T>
  requires(std::integral<T> || std::floating_point<T>) kv(std::string_view k, T v)
      : key(k), value(std::to_string(v)) {}
};

/// "debug", "info", "warn"/"warning", "error", "off"; case-insensitive, as values of GO_LOG are.
result<level> parse_level(std::string_view text);

/// Call once in main, before other threads. Levels below `at_least` cost one comparison.
void configure(level at_least, bool json);
/// From now on, whatever threads there are.
void set_level(level at_least);
/// The level that GKM_LOG, else GO_LOG asks for, else `fallback`. An unknown word counts as unset.
level level_from_environment(level fallback);

void debug(std::string_view message, std::initializer_list<kv> pairs = {});
void info(std::string_view message, std::initializer_list<kv> pairs = {});
void warn(std::string_view message, std::initializer_list<kv> pairs = {});
void error(std::string_view message, std::initializer_list<kv> pairs = {});

}  // namespace gkm::base::log
