#include "actors/node/list_caches.hpp"
#include "base/files.hpp"
#include "cli/cluster_status.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/pods.hpp"
#include "cli/printing.hpp"
#include "cli/problems.hpp"
#include "cli/table.hpp"
#include "messages/json.hpp"
#include "messages/record.hpp"

#include <algorithm>
#include <ctime>
#include <iostream>

namespace gkm::cli {
namespace {

struct shown_cache {
  cache_status status;
  std::string json;
};

bool is_named(const cache_ref& ref, const std::string& name) {
  return name.empty() || ref.name == name || ref.ns + "/" + ref.name == name;
}

std::vector<shown_cache> read_statuses(const paths& where, const std::string& name) {
  std::vector<shown_cache> all;
  for (const auto& ref : node::list_caches(where)) {
    if (!is_named(ref, name)) continue;
    auto text = base::read_file(where.status(ref), max_record_bytes);
    if (!text) continue;
    auto status = parse_cache_status(*text);
    if (status)
      all.push_back({*status, print_cache_status(*status)});
    else
      std::cerr << "gkm: warning: '" << where.status(ref).string()
                << "' cannot be read: " << status.error().message << '\n';
  }
  return all;
}

std::string gpus_cell(const cache_status& s) {
  if (s.match.gpus.empty()) return "-";
  auto fitting = std::count_if(s.match.gpus.begin(), s.match.gpus.end(),
                               [](const gpu_verdict& g) { return g.compatible; });
  return std::to_string(fitting) + "/" + std::to_string(s.match.gpus.size());
}

std::string detail_cell(const cache_status& s, int64_t now) {
  if (s.state == cache_state::extracted || s.state == cache_state::running) return s.path;
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

void print_table(const std::vector<shown_cache>& all, bool wide) {
  std::vector<std::string> header{"NAMESPACE", "NAME", "STATUS", "GPUS",
                                  "PODS",      "TYPE", "SIZE",   "AGE"};
  if (wide) header.insert(header.end(), {"TARGETS", "DIGEST", "OLD DIGESTS", "IMAGE"});
  header.push_back("DETAIL");
  table t(header);
  auto now = std::time(nullptr);
  for (const auto& c : all) {
    const auto& s = c.status;
    bool stored = !s.stored.manifest.empty();
    std::vector<cell> row{s.ref.is_cluster() ? "(cluster)" : s.ref.ns,
                          s.ref.name,
                          {std::string(to_string(s.state)), tint_of(s.state)},
                          gpus_cell(s),
                          pods_cell(s),
                          stored ? s.stored.cache_type : "-",
                          stored ? human_bytes(s.stored.bytes) : "-",
                          human_seconds(now - s.changed_unix_s)};
    if (wide)
      row.insert(row.end(), {cell(stored ? join_targets(s.stored.targets) : "-"),
                             cell(stored ? s.stored.manifest.brief() : "-"),
                             cell(old_digests_cell(s)), cell(s.image)});
    row.push_back(detail_cell(s, now));
    t.add(std::move(row));
  }
  t.print(std::cout, wants_colours());
}

void print_notes(const std::vector<shown_cache>& all, const std::vector<file_problem>& problems) {
  for (const auto& c : all)
    for (const auto& w : c.status.warnings)
      std::cout << "\nWarning: " << c.status.ref.str() << ": " << w << '\n';
  if (!problems.empty()) std::cout << "\nFiles with problems:\n";
  for (const auto& p : problems) std::cout << "  " << p.str() << '\n';
}

void print_machine(const std::vector<shown_cache>& all, const std::vector<file_problem>& problems,
                   bool running, output format) {
  rapidjson::Document doc(rapidjson::kObjectType);
  auto& memory = doc.GetAllocator();
  rapidjson::Value caches(rapidjson::kArrayType);
  for (const auto& c : all) {
    if (auto one = json::parse(c.json)) caches.PushBack(rapidjson::Value(*one, memory), memory);
  }
  rapidjson::Value files(rapidjson::kArrayType);
  for (const auto& p : problems) {
    rapidjson::Value one(rapidjson::kObjectType);
    one.AddMember("file", rapidjson::Value(p.file, memory), memory);
    one.AddMember("line", p.line, memory);
    one.AddMember("field", rapidjson::Value(p.field, memory), memory);
    one.AddMember("message", rapidjson::Value(p.message, memory), memory);
    files.PushBack(one, memory);
  }
  doc.AddMember("running", running, memory);
  doc.AddMember("caches", caches, memory);
  doc.AddMember("problems", files, memory);
  print_document(doc, format);
}

std::string hint_at_cluster() {
  auto cluster = cluster_in_reach();
  if (cluster.empty()) return {};
  return "; for the cluster of " + cluster + ": 'gkm status --cluster', or 'kubectl gkm status'";
}

}  // namespace

result<int> status(const options& o, const std::string& name) {
  auto where = paths::below(o.state_dir);
  std::error_code ignored;
  if (!std::filesystem::is_directory(where.caches(), ignored))
    return fail(errc::not_found, "There is no state in '" + o.state_dir +
                                     "'; start 'gkm up DIR' first, or name its --state-dir" +
                                     hint_at_cluster());
  auto all = read_statuses(where, name);
  if (!name.empty() && all.empty())
    return fail(errc::not_found, "No cache is named '" + name + "' in '" + o.state_dir + "'");
  auto problems = name.empty() ? read_problems(where) : std::vector<file_problem>();
  bool running = base::file_lock::holder(where.lock()).has_value();
  if (o.format == output::json || o.format == output::yaml) {
    print_machine(all, problems, running, o.format);
    return success;
  }
  if (all.empty())
    std::cout << "No caches.\n";
  else
    print_table(all, o.format == output::wide);
  print_notes(all, problems);
  if (!running)
    std::cout << "\nNo 'gkm up' is running: this is where things stood when it ended.\n";
  return success;
}

}  // namespace gkm::cli
