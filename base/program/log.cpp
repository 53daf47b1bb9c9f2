#include "base/program/log.hpp"

#include "base/text.hpp"
#include "messages/printable.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>

namespace gkm::base::log {
namespace {

bool as_json = false;

spdlog::level::level_enum to_spdlog(level l) {
  switch (l) {
    case level::debug:
      return spdlog::level::debug;
    case level::info:
      return spdlog::level::info;
    case level::warn:
      return spdlog::level::warn;
    case level::error:
      return spdlog::level::err;
    case level::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

// Control characters from outside never reach a terminal or break a line; the rest stays as it is.
void append_escaped(std::string& out, std::string_view text) {
  for (char c : valid_utf8(text)) {
    auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (u < 0x20 || u == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(u));
    } else {
      out += c;
    }
  }
}

bool needs_quotes(std::string_view text) {
  return text.empty() || std::any_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' ||
                  c == 0x7f;
         });
}

void write(spdlog::level::level_enum l, std::string_view message, std::initializer_list<kv> pairs) {
  auto* logger = spdlog::default_logger_raw();
  if (!logger->should_log(l)) return;
  std::string line;
  if (as_json) {
    line += "\"msg\":\"";
    append_escaped(line, message);
    line += '"';
    for (const auto& p : pairs) {
      line += fmt::format(",\"{}\":\"", p.key);
      append_escaped(line, p.value);
      line += '"';
    }
  } else {
    line += message;
    for (const auto& p : pairs) {
      line += ' ';
      line += p.key;
      line += '=';
      if (needs_quotes(p.value)) {
        line += '"';
        append_escaped(line, p.value);
        line += '"';
      } else {
        line += p.value;
      }
    }
  }
  logger->log(l, line);
}

}  // namespace

result<level> parse_level(std::string_view text) {
  auto lower = to_lower(text);
  if (lower == "debug" || lower == "trace") return level::debug;
  if (lower == "info") return level::info;
  if (lower == "warn" || lower == "warning") return level::warn;
  if (lower == "error") return level::error;
  if (lower == "off" || lower == "none") return level::off;
  return fail(errc::invalid_argument, "log level '" + std::string(text.substr(0, 40)) +
                                          "' is none of debug, info, warn, error, off");
}

void configure(level at_least, bool json) {
  as_json = json;
  auto logger =
      std::make_shared<spdlog::logger>("gkm", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
      spdlog::pattern_time_type::utc));
  logger->set_level(to_spdlog(at_least));
  spdlog::set_default_logger(std::move(logger));
}

void set_level(level at_least) { spdlog::default_logger_raw()->set_level(to_spdlog(at_least)); }

level level_from_environment(level fallback) {
  for (const char* name : {"GKM_LOG", "GO_LOG"})
    if (const char* text = std::getenv(name))
      if (auto l = parse_level(text)) return *l;
  return fallback;
}

void debug(std::string_view message, std::initializer_list<kv> pairs) {
  write(spdlog::level::debug, message, pairs);
}
void info(std::string_view message, std::initializer_list<kv> pairs) {
  write(spdlog::level::info, message, pairs);
}
void warn(std::string_view message, std::initializer_list<kv> pairs) {
  write(spdlog::level::warn, message, pairs);
}
void error(std::string_view message, std::initializer_list<kv> pairs) {
  write(spdlog::level::err, message, pairs);
}

}  // namespace gkm::base::log
