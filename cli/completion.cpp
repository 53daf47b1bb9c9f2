#include "cli/completion.hpp"

#include <CLI/CLI.hpp>

#include <sstream>

namespace gkm::cli {
namespace {

std::string flags_of(const CLI::App& app) {
  std::string flags;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) flags += " --" + name;
    for (const auto& name : option->get_snames()) flags += " -" + name;
  }
  return flags;
}

std::string bash_script(const CLI::App& app) {
  std::ostringstream out;
  std::string commands;
  std::ostringstream cases;
  for (const auto* sub : app.get_subcommands({})) {
    commands += (commands.empty() ? "" : " ") + sub->get_name();
    cases << "    " << sub->get_name() << ") words=\"" << flags_of(*sub) << flags_of(app)
          << "\" ;;\n";
  }
  out << "_gkm() {\n"
      << "  local current=${COMP_WORDS[COMP_CWORD]} words=\"" << commands << flags_of(app)
      << "\" word\n"
      << "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do case $word in\n"
      << cases.str() << "  esac; done\n"
      << "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      << "}\n"
      << "complete -o default -F _gkm gkm\n";
  return out.str();
}

std::string fish_script(const CLI::App& app) {
  std::ostringstream out;
  for (const auto* sub : app.get_subcommands({})) {
    out << "complete -c gkm -n __fish_use_subcommand -a " << sub->get_name() << " -d '"
        << sub->get_description() << "'\n";
    for (const auto* option : sub->get_options())
      for (const auto& name : option->get_lnames())
        out << "complete -c gkm -n '__fish_seen_subcommand_from " << sub->get_name() << "' -l "
            << name << '\n';
  }
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames()) out << "complete -c gkm -l " << name << '\n';
  return out.str();
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  if (shell == "fish") return fish_script(app);
  if (shell == "zsh") return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script(app);
  return bash_script(app);
}

}  // namespace gkm::cli
