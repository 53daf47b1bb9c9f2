#include "base/files.hpp"
#include "cli/cluster/cluster_status.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/machine/machine_document.hpp"
#include "cli/machine/machine_table.hpp"
#include "cli/output/live_screen.hpp"
#include "cli/output/printing.hpp"
#include "cli/output/suggestion.hpp"
#include "cli/output/table.hpp"

#include <unistd.h>

#include <ctime>
#include <iostream>
#include <map>

namespace gkm::cli {
namespace {

constexpr std::chrono::seconds ages_go_stale{10};

std::string hint_at_cluster() {
  auto cluster = cluster_in_reach();
  if (cluster.empty()) return {};
  return "; for the cluster of " + cluster + ": 'gkm status --cluster', or 'kubectl gkm status'";
}

std::string node_name() {
  std::string name(HOST_NAME_MAX + 1, '\0');
  if (::gethostname(name.data(), name.size()) != 0) return {};
  return name.c_str();
}

std::string slashed(const cache_ref& ref) {
  return ref.is_cluster() ? ref.name : ref.ns + "/" + ref.name;
}

error no_such(const paths& where, const machine_selection& what) {
  std::vector<std::string> names;
  for (const auto& s : read_machine(where, {}).caches) {
    names.push_back(slashed(s.ref));
    names.push_back(s.ref.name);
  }
  std::vector<std::string_view> views(names.begin(), names.end());
  auto meant = suggestion(what.name, views);
  return {errc::not_found,
          "No cache is named '" + what.name + "' in '" + where.root.string() + "'" +
              (meant.empty() ? "; 'gkm status' lists those there are" : meant),
          {}};
}

bool is_document(output format) { return format == output::json || format == output::yaml; }

/// A change is a line that reads differently, its age apart.
class line_follower {
public:
  explicit line_follower(bool wide) : wide_(wide), table_(machine_header({wide, true})) {}

  void show(const machine_state& m) {
    constexpr size_t age_column = 8;
    auto gone = std::exchange(told_, {});
    for (const auto& s : m.caches) {
      auto cells = machine_cells(s, m, {wide_, true}, std::time(nullptr));
      std::string text;
      for (size_t i = 0; i < cells.size(); ++i)
        if (i != age_column) text += cells[i].text + '\n';
      auto before = gone.find(s.ref);
      if (before == gone.end() || before->second != text) table_.add(std::move(cells));
      told_[s.ref] = std::move(text);
      gone.erase(s.ref);
    }
    for (const auto& [ref, text] : gone) {
      std::vector<cell> cells(machine_header({wide_, true}).size(), "-");
      cells[0] = ref.is_cluster() ? "(cluster)" : ref.ns;
      cells[1] = ref.name;
      cells[2] = {"Gone", tint::dim};
      table_.add(std::move(cells));
    }
    table_.print_more(std::cout, wants_colours());
    std::cout << std::flush;
  }

private:
  bool wide_;
  table table_;
  std::map<cache_ref, std::string> told_;
};

int follow(const paths& where, const machine_selection& what, bool wide) {
  machine_watch watch(where);
  if (!::isatty(STDOUT_FILENO)) {
    line_follower lines(wide);
    while (std::cout) {
      lines.show(read_machine(where, what));
      while (!watch.wait(ages_go_stale)) {
      }
    }
    return success;
  }
  live_screen screen(std::cout);
  while (std::cout) {
    auto size = size_of_screen();
    screen.show(machine_text(read_machine(where, what), wide, size.columns, wants_colours(),
                             std::time(nullptr)),
                size);
    watch.wait(ages_go_stale);
  }
  return success;
}

}  // namespace

result<int> status(const options& o, const machine_selection& what, bool watch) {
  auto where = paths::below(o.state_dir);
  std::error_code ignored;
  if (!std::filesystem::is_directory(where.caches(), ignored))
    return fail(errc::not_found, "There is no state in '" + o.state_dir +
                                     "'; start 'gkm up DIR' first, or name its --state-dir" +
                                     hint_at_cluster());
  auto m = read_machine(where, what);
  if (!what.name.empty() && m.caches.empty() && m.mounts.empty()) return fail(no_such(where, what));
  if (watch && is_document(o.format))
    return fail(errc::invalid_argument,
                "-w follows a table: leave out -o " +
                    std::string(o.format == output::json ? "json" : "yaml"));
  if (watch) return follow(where, what, o.format == output::wide);
  if (is_document(o.format))
    print_document(machine_document(m, node_name()), o.format);
  else
    std::cout << machine_text(m, o.format == output::wide, terminal_columns(), wants_colours(),
                              std::time(nullptr));
  // Who asks for one cache wants to know whether it can be used.
  if (!what.name.empty())
    for (const auto& s : m.caches)
      if (s.state == cache_state::error) return exit_code_for(s.code);
  return success;
}

result<int> wait_for(const options& o, const std::string& name, std::chrono::seconds at_most) {
  auto where = paths::below(o.state_dir);
  machine_watch watch(where);
  const auto until = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    auto m = read_machine(where, {name, {}});
    bool ready = !m.caches.empty();
    std::string standing;
    for (const auto& s : m.caches) {
      auto said = s.ref.str() + " is " + std::string(to_string(s.state)) + ": " + s.message;
      if (s.state == cache_state::error && is_permanent(s.code)) return fail(s.code, said);
      if (s.state == cache_state::extracted || s.state == cache_state::running) continue;
      ready = false;
      standing = said;
    }
    if (ready) {
      for (const auto& s : m.caches) std::cout << s.ref.str() << " is ready: " << s.message << '\n';
      return success;
    }
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      if (standing.empty()) return fail(no_such(where, {name, {}}));
      auto runs = base::file_lock::holder(where.lock()).has_value();
      return fail(errc::unavailable,
                  "'" + name + "' was not ready within " + human_seconds(at_most.count()) + ": " +
                      standing + (runs ? "" : "; no 'gkm up' is running that would go on with it"));
    }
    watch.wait(left);
  }
}

}  // namespace gkm::cli
