#include "cli/shared_flags.hpp"

#include "base/program/log.hpp"
#include "cli/exit_code.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <iostream>
#include <map>

namespace gkm::cli {

void add_output_flag(CLI::App& to, options& o) {
  static const std::map<std::string, output> formats{{"table", output::table},
                                                     {"wide", output::wide},
                                                     {"json", output::json},
                                                     {"yaml", output::yaml}};
  to.add_option_function<std::string>(
        "-o,--output", [&o](const std::string& name) { o.format = formats.at(name); },
        "table, wide, json or yaml")
      ->check(CLI::IsMember({"table", "wide", "json", "yaml"}))
      ->default_str("table");
}

void add_log_flags(CLI::App& to, log_flags& o) {
  to.add_option("--log-level", o.level, "debug, info, warn, error or off")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}));
  to.add_flag("--log-json", o.json, "Log as JSON, one object per line");
}

result<void> configure_log(const log_flags& o) {
  // A typo there must not hide what somebody wants to see.
  if (const char* said = std::getenv("GKM_LOG"); said && *said && o.level.empty())
    if (auto valid = base::log::parse_level(said); !valid)
      return fail(errc::invalid_argument, "GKM_LOG in the environment: " + valid.error().message);
  auto level = base::log::level_from_environment(base::log::level::error);
  if (!o.level.empty()) {
    auto asked = base::log::parse_level(o.level);
    if (!asked) return fail(asked.error());
    level = *asked;
  }
  base::log::configure(level, o.json);
  return {};
}

int report(const error& e) {
  std::cerr << "gkm: " << e.message << '\n';
  return exit_code_for(e.code);
}

}  // namespace gkm::cli
