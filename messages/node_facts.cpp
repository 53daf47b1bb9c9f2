#include "messages/node_facts.hpp"

#include "messages/names.hpp"

namespace gkm {
namespace {

// A view that is held for every cache and node is no place for long texts.
constexpr size_t max_message_bytes = 256;
constexpr size_t max_reason_bytes = 64;

bool is_true(const report_entry& e, std::string_view name) {
  const auto* c = find_condition(e.conditions, name);
  return c && c->status == condition_status::yes;
}

void take_error(digest_hold& hold, const report_entry& e, std::string_view name) {
  const auto* c = find_condition(e.conditions, name);
  hold.reason = c->reason.substr(0, max_reason_bytes);
  hold.message = c->message.substr(0, max_message_bytes);
}

digest_hold summarize(const digest& resolved, const report_entry& e) {
  digest_hold hold;
  hold.resolved = resolved;
  hold.pods = count_pods(e);
  if (is_true(e, "UnloadError")) {
    hold.state = hold_state::unload_error;
    take_error(hold, e, "UnloadError");
  } else if (is_true(e, conditions::error)) {
    hold.state = hold_state::error;
    take_error(hold, e, conditions::error);
    hold.fits = !e.compatible_gpus.empty() ||
                (e.incompatible_gpus.empty() && hold.reason != "Incompatible");
  } else if (is_true(e, conditions::extracted) || is_true(e, conditions::running) ||
             is_true(e, conditions::outdated)) {
    hold.state = hold_state::extracted;
  }
  return hold;
}

}  // namespace

node_holding summarize(const std::map<digest, report_entry>& entries) {
  node_holding all;
  for (const auto& [resolved, entry] : entries) all.digests.push_back(summarize(resolved, entry));
  return all;
}

report_summary summarize(const node_report& report) {
  report_summary all{report.ns,
                     report.name,
                     !report.node_name.empty(),
                     !report.gpus.empty(),
                     report.renewed_unix_s,
                     {},
                     report.pull_secret_key};
  for (const auto& [name, entries] : report.caches)
    if (!entries.empty()) all.caches.emplace_back(name, summarize(entries));
  return all;
}

}  // namespace gkm
