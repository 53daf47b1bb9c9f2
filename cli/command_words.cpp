#include "cli/command_words.hpp"

#include "cli/output/suggestion.hpp"
#include "messages/printable.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace gkm::cli {
namespace {

/// What other tools call it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> other_names{
    {{"list", "status"},
     {"ls", "status"},
     {"ps", "status"},
     {"get", "status"},
     {"show", "inspect"},
     {"info", "inspect"},
     {"verify", "verify-store"},
     {"check", "verify-store"},
     {"fsck", "verify-store"},
     {"umount", "unmount"},
     {"fetch", "pull"},
     {"download", "pull"},
     {"run", "up"},
     {"start", "up"}}};

bool takes_a_value(const CLI::App& app, const std::string& word) {
  const auto* option = app.get_option_no_throw(word);
  return option && option->get_items_expected_max() > 0;
}

/// Where the command stands; nothing if there are only flags.
std::optional<size_t> command_in(const CLI::App& app, const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with('-')) return i;
    if (words[i] == "--") return std::nullopt;
    if (takes_a_value(app, words[i])) ++i;
  }
  return std::nullopt;
}

std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* sub : app.get_subcommands({}))
    if (!sub->get_group().empty()) names.push_back(sub->get_name());
  return names;
}

bool is_command(const CLI::App& app, const std::string& word) {
  auto all = app.get_subcommands({});
  return std::any_of(all.begin(), all.end(),
                     [&](const CLI::App* sub) { return sub->get_name() == word; });
}

}  // namespace

result<std::vector<std::string>> understand(const CLI::App& app, std::vector<std::string> words) {
  auto at = command_in(app, words);
  if (!at) {
    for (const auto& word : words)
      if (word == "--help" || word == "-h" || word == "--version") return words;
    return fail(
        errc::invalid_argument,
        "Which command? 'gkm up DIR' makes caches ready, 'gkm status' shows them, 'gkm help' "
        "lists all commands");
  }
  auto word = words[*at];
  if (word == "help") {
    words.erase(words.begin() + static_cast<ptrdiff_t>(*at));
    words.emplace_back("--help");
    return command_in(app, words) ? understand(app, std::move(words)) : words;
  }
  if (word == "version") return std::vector<std::string>{"--version"};
  if (is_command(app, word)) return words;
  auto names = names_of(app);
  for (const auto& [other, name] : other_names)
    if (word == other)
      return fail(errc::invalid_argument,
                  "There is no command '" + word + "'; did you mean '" + std::string(name) + "'?");
  std::vector<std::string_view> views(names.begin(), names.end());
  auto meant = suggestion(word, views);
  if (meant.empty()) {
    meant = "; there are:";
    for (const auto& name : names) meant += (name == names.front() ? " " : ", ") + name;
  }
  return fail(errc::invalid_argument, "There is no command '" + printable(word, 80) + "'" + meant);
}

}  // namespace gkm::cli
