#include "cli/machine/machine_table.hpp"

#include "cli/machine/pods.hpp"
#include "cli/output/printing.hpp"

#include <algorithm>
#include <sstream>

namespace gkm::cli {
namespace {

bool is_ready(const cache_status& s) {
  return s.state == cache_state::extracted || s.state == cache_state::running;
}

std::string gpus_cell(const cache_status& s) {
  if (s.match.gpus.empty()) return "-";
  auto fitting = std::count_if(s.match.gpus.begin(), s.match.gpus.end(),
                               [](const gpu_verdict& g) { return g.compatible; });
  return std::to_string(fitting) + "/" + std::to_string(s.match.gpus.size());
}

std::string detail_cell(const cache_status& s, int64_t now) {
  auto text = s.message;
  if (s.state == cache_state::pending && s.total_bytes)
    text += ", " + human_bytes(s.pulled_bytes) + " of " + human_bytes(s.total_bytes);
  if (s.retry_unix_s > now) text += "; trying again in " + human_seconds(s.retry_unix_s - now);
  return text;
}

tint tint_of(cache_state s) {
  switch (s) {
    case cache_state::extracted:
    case cache_state::running:
      return tint::good;
    case cache_state::error:
      return tint::bad;
    case cache_state::pending:
    case cache_state::outdated:
      return tint::none;
  }
  return tint::none;
}

std::string ns_cell(const cache_ref& ref) { return ref.is_cluster() ? "(cluster)" : ref.ns; }

std::string slashed(const cache_ref& ref) {
  return ref.is_cluster() ? ref.name : ref.ns + "/" + ref.name;
}

void print_mounts(std::ostream& out, const machine_state& m, size_t columns, bool colours,
                  int64_t now) {
  if (m.mounts.empty()) return;
  out << '\n';
  table t({"MOUNTED AT", "CACHE", "VIEW", "DIGEST", "AGE"});
  for (const auto& mount : m.mounts)
    t.add({mount.path, slashed(mount.ref),
           mount.view == view_kind::readonly ? "read-only" : std::string(to_string(mount.view)),
           mount.manifest.empty() ? "-" : mount.manifest.brief(),
           human_seconds(now - mount.since_unix_s)});
  t.print(out, colours, columns);
}

}  // namespace

machine_columns columns_for(const machine_state& m, bool wide) {
  bool pods = std::any_of(m.caches.begin(), m.caches.end(),
                          [](const cache_status& s) { return pods_cell(s) != "-"; });
  return {wide, pods};
}

std::vector<std::string> machine_header(const machine_columns& c) {
  std::vector<std::string> header{"NAMESPACE", "NAME", "STATUS", "GPUS", "MOUNTS"};
  if (c.pods) header.emplace_back("PODS");
  header.insert(header.end(), {"TYPE", "SIZE", "AGE"});
  if (c.wide) header.insert(header.end(), {"TARGETS", "DIGEST", "OLD DIGESTS", "IMAGE"});
  header.emplace_back("DETAIL");
  return header;
}

std::vector<cell> machine_cells(const cache_status& s, const machine_state& m,
                                const machine_columns& c, int64_t now) {
  bool stored = !s.stored.manifest.empty();
  auto mounts = m.mounts_of(s.ref).size();
  std::vector<cell> row{ns_cell(s.ref),
                        s.ref.name,
                        {std::string(to_string(s.state)), tint_of(s.state)},
                        gpus_cell(s),
                        mounts ? std::to_string(mounts) : "-"};
  if (c.pods) row.emplace_back(pods_cell(s));
  row.insert(row.end(), {cell(stored ? s.stored.cache_type : "-"),
                         cell(stored ? human_bytes(s.stored.bytes) : "-"),
                         cell(human_seconds(now - s.changed_unix_s))});
  if (c.wide)
    row.insert(row.end(), {cell(stored ? join_targets(s.stored.targets) : "-"),
                           cell(stored ? s.stored.manifest.brief() : "-"),
                           cell(old_digests_cell(s)), cell(s.image)});
  row.emplace_back(detail_cell(s, now));
  return row;
}

std::string machine_text(const machine_state& m, bool wide, size_t columns, bool colours,
                         int64_t now) {
  std::ostringstream out;
  if (m.caches.empty()) {
    out << "No caches.\n";
  } else {
    auto shown = columns_for(m, wide);
    table t(machine_header(shown));
    for (const auto& s : m.caches) t.add(machine_cells(s, m, shown, now));
    t.print(out, colours, columns);
  }
  print_mounts(out, m, columns, colours, now);
  for (const auto& s : m.caches)
    for (const auto& w : s.warnings) out << "\nWarning: " << s.ref.str() << ": " << w << '\n';
  for (const auto& n : m.notes) out << "\nWarning: " << n << '\n';
  if (!m.problems.empty()) out << "\nFiles with problems:\n";
  for (const auto& p : m.problems) out << "  " << p.str() << '\n';
  if (!m.running) out << "\nNo 'gkm up' is running: this is where things stood when it ended.\n";
  if (m.mounts.empty() && std::any_of(m.caches.begin(), m.caches.end(), is_ready))
    out << "\nUse a cache with 'gkm mount NAME PATH' (root), or copy one with 'gkm pull IMAGE "
           "DIR'.\n";
  return out.str();
}

}  // namespace gkm::cli
