#include "cli/completion.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <vector>

namespace gkm::cli {
namespace {

/// What can follow a flag; others are followed by a file or by what only the user knows.
const std::map<std::string, std::string>& values_of_flags() {
  static const std::map<std::string, std::string> values{
      {"-o", "table wide json yaml"},
      {"--output", "table wide json yaml"},
      {"--log-level", "debug info warn error off"},
      {"--mode", "0700 0770 0777"}};
  return values;
}

/// Commands whose first argument is the name of a cache.
constexpr const char* takes_cache = "mount|status|wait";

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  std::vector<const CLI::App*> shown;
  for (const auto* sub : app.get_subcommands({}))
    if (!sub->get_group().empty()) shown.push_back(sub);
  return shown;
}

std::string flags_of(const CLI::App& app) {
  std::string flags;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) flags += " --" + name;
    for (const auto& name : option->get_snames()) flags += " -" + name;
  }
  return flags;
}

/// As a pattern of bash: those that take the next word.
std::string flags_with_values(const CLI::App& app) {
  std::set<std::string> flags;
  auto add = [&](const CLI::App& from) {
    for (const auto* option : from.get_options()) {
      if (option->get_items_expected_max() == 0) continue;
      for (const auto& name : option->get_lnames()) flags.insert("--" + name);
      for (const auto& name : option->get_snames()) flags.insert("-" + name);
    }
  };
  add(app);
  for (const auto* sub : commands_of(app)) add(*sub);
  std::string pattern;
  for (const auto& flag : flags) pattern += (pattern.empty() ? "" : " | ") + flag;
  return pattern;
}

std::string bash_script(const CLI::App& app) {
  std::ostringstream out;
  std::string commands;
  std::ostringstream cases, values;
  for (const auto* sub : commands_of(app)) {
    commands += (commands.empty() ? "" : " ") + sub->get_name();
    cases << "    " << sub->get_name() << ") command=$word flags=\"" << flags_of(*sub)
          << flags_of(app) << "\" ;;\n";
  }
  for (const auto& [flag, words] : values_of_flags())
    values << "    " << flag << ") COMPREPLY=($(compgen -W \"" << words
           << "\" -- \"$current\")); return ;;\n";
  // Words that begin with a dash are offered when one was typed: nobody wants them for a file.
  out << "_gkm() {\n"
      << "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
      << "  local command= flags=\"" << flags_of(app) << "\" word state=() i arguments=0\n"
      << "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
      << "    word=${COMP_WORDS[i]}\n"
      << "    case $word in\n"
      << "    --state-dir) state=(--state-dir \"${COMP_WORDS[i+1]}\"); ((++i)); continue ;;\n"
      << "    " << flags_with_values(app) << ") ((++i)); continue ;;\n"
      << "    -*) continue ;;\n"
      << "    esac\n"
      << "    [[ ! $command ]] || { ((++arguments)); continue; }\n"
      << "    case $word in\n"
      << cases.str() << "    esac\n"
      << "  done\n"
      << "  case $before in\n"
      << values.str() << "  esac\n"
      << "  if [[ $current == -* ]]; then\n"
      << "    COMPREPLY=($(compgen -W \"$flags\" -- \"$current\"))\n"
      << "  elif [[ ! $command ]]; then\n"
      << "    COMPREPLY=($(compgen -W \"" << commands << "\" -- \"$current\"))\n"
      << "  elif [[ $command == completion ]]; then\n"
      << "    COMPREPLY=($(compgen -W \"bash zsh fish\" -- \"$current\"))\n"
      << "  elif ((arguments == 0)); then case $command in " << takes_cache << ")\n"
      << "    COMPREPLY=($(compgen -W \"$(gkm __caches \"${state[@]}\" 2>/dev/null)\" -- "
         "\"$current\")) ;;\n"
      << "  esac; fi\n"
      << "}\n"
      << "complete -o default -F _gkm gkm\n";
  return out.str();
}

std::string fish_script(const CLI::App& app) {
  std::ostringstream out;
  auto option_of = [&](const CLI::Option& option, const std::string& condition) {
    for (const auto& name : option.get_lnames()) {
      out << "complete -c gkm " << condition << "-l " << name;
      if (auto values = values_of_flags().find("--" + name); values != values_of_flags().end())
        out << " -x -a '" << values->second << '\'';
      else if (option.get_items_expected_max() > 0)
        out << " -r";
      out << '\n';
    }
  };
  for (const auto* sub : commands_of(app)) {
    out << "complete -c gkm -n __fish_use_subcommand -f -a " << sub->get_name() << " -d '"
        << sub->get_description() << "'\n";
    for (const auto* option : sub->get_options())
      option_of(*option, "-n '__fish_seen_subcommand_from " + sub->get_name() + "' ");
  }
  for (const auto* option : app.get_options()) option_of(*option, "");
  out << "complete -c gkm -n '__fish_seen_subcommand_from mount status wait' -a '(gkm __caches "
         "2>/dev/null)'\n"
      << "complete -c gkm -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n";
  return out.str();
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  if (shell == "fish") return fish_script(app);
  if (shell == "zsh") return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script(app);
  return bash_script(app);
}

}  // namespace gkm::cli
