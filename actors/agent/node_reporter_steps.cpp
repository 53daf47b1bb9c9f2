#include "actors/agent/node_reporter.hpp"
#include "actors/agent/report_budget.hpp"
#include "base/program/log.hpp"
#include "messages/actors/here.hpp"
#include "messages/assert.hpp"

#include <algorithm>

namespace gkm::node {
namespace log = base::log;
namespace {

constexpr size_t max_echoes = 16;

node_report content(node_report r) {
  r.object = {};
  return r;
}

base::pace::kind kind_of_change(const node_report& seen, const node_report& wanted) {
  return is_urgent(seen, wanted) ? base::pace::kind::urgent : base::pace::kind::change;
}

}  // namespace

bool node_reporter_state::may_write() const {
  return gpus_known_ && volumes_known_ && reports_known_ && !node_uid_.empty();
}

void node_reporter_state::proceed_all() {
  std::set<std::string> all;
  for (const auto& [ns, s] : reports_) all.insert(ns);
  for (const auto& [ref, view] : caches_) all.insert(ref.ns);
  for (const auto& ns : all) proceed(ns);
}

void node_reporter_state::proceed(const std::string& ns) {
  if (!may_write()) return;
  auto& s = reports_[ns];
  if (!s.work.may_begin(self_->clock().now())) return;
  auto report = report_for(ns, s);
  if (observe_) observe_(report);
  bool needed = ns.empty() || !report.caches.empty();
  if (!needed && !s.seen && !s.waiting) {
    reports_.erase(ns);
    return;
  }
  if (!s.seen) {
    if (needed) create(ns);
    return;
  }
  if (!needed) return remove(ns);
  if (report == *s.seen) return;
  if (s.not_kept && *s.not_kept == std::pair(content(report), content(*s.seen))) return;
  auto due = s.pace.due(self_->clock().now(), kind_of_change(*s.seen, report));
  if (due.count() == 0) return write(ns, report);
  if (!std::exchange(s.waiting, true))
    self_->delayed_send(self_, due, flush_atom_v, cache_ref{ns, {}});
}

node_report node_reporter_state::report_for(const std::string& ns, const slot& s) const {
  static const report_entries none;
  auto entries_in = [&](const std::string& name) -> const report_entries& {
    if (!s.seen) return none;
    auto at = s.seen->caches.find(name);
    return at == s.seen->caches.end() ? none : at->second;
  };
  node_report report;
  report.ns = ns;
  report.name = report.node_name = node_name_;
  report.gpus = gpus_;
  if (ns.empty()) report.pull_secret_key = pull_secret_key_;
  if (s.seen) {
    report.object = s.seen->object;
    // Who of these is wanted is not known yet.
    if (!caches_known_) report.caches = s.seen->caches;
    report.renewed_unix_s = s.seen->renewed_unix_s;
  }
  for (auto it = caches_.lower_bound({ns, {}}); it != caches_.end() && it->first.ns == ns; ++it) {
    const auto& [ref, view] = *it;
    const auto& before = entries_in(ref.name);
    // Only its volumes have spoken.
    if (!caches_known_ && !view.wanted && !view.status && !before.empty()) continue;
    auto entries = entries_of(view, before, waiting_for_);
    if (entries.empty())
      report.caches.erase(ref.name);
    else
      report.caches[ref.name] = std::move(entries);
  }
  report.counts = counts_of(report.caches);
  fit(report);
  if (s.seen && !caches_known_) report.omitted = std::max(report.omitted, s.seen->omitted);
  auto now = clock_.unix_seconds();
  for (auto& [name, entries] : report.caches) put_times(entries, entries_in(name), now);
  bool is_first = !s.seen || s.seen->node_name.empty();
  if (ns.empty() && (renewal_due_ || is_first)) report.renewed_unix_s = now;
  return report;
}

void node_reporter_state::create(const std::string& ns) {
  auto& s = reports_[ns];
  s.work.begin();
  node_report report;
  report.ns = ns;
  report.name = report.node_name = node_name_;
  port_.create(report, node_uid_,
               here<node_report>(node_reporter_actor(self_), [this, ns](result<node_report> made) {
                 if (made) return answered(ns, *made);
                 if (made.error().code == errc::conflict) return read(ns);
                 // Without its namespace nobody can have it.
                 failed(ns, made.error());
               }));
}

void node_reporter_state::write(const std::string& ns, const node_report& report) {
  auto& s = reports_[ns];
  GKM_ASSERT(s.seen && report.object == s.seen->object);
  s.work.begin();
  s.pace.wrote(self_->clock().now(), kind_of_change(*s.seen, report));
  port_.write(*s.seen, report,
              here<node_report>(node_reporter_actor(self_),
                                [this, ns, report, before = *s.seen](result<node_report> now) {
                                  if (!now) return failed(ns, now.error());
                                  if (content(*now) == content(report))
                                    reports_[ns].not_kept.reset();
                                  else
                                    reports_[ns].not_kept.emplace(content(report), content(*now));
                                  // Whether the API kept it or not: one that does not know the
                                  // field is told no more often.
                                  if (report.renewed_unix_s != before.renewed_unix_s)
                                    renewal_due_ = false;
                                  for (const auto& event : events_between(before, report))
                                    port_.record(*now, event);
                                  answered(ns, *now);
                                }));
}

void node_reporter_state::remove(const std::string& ns) {
  auto& s = reports_[ns];
  s.work.begin();
  port_.remove(*s.seen, here<done>(node_reporter_actor(self_),
                                   [this, ns, before = *s.seen](result<done> outcome) {
                                     if (!outcome) return failed(ns, outcome.error());
                                     auto nothing = before;
                                     nothing.caches.clear();
                                     for (const auto& event : events_between(before, nothing))
                                       port_.record(before, event);
                                     auto& now = reports_[ns];
                                     now.work.succeeded();
                                     now.seen.reset();
                                     now.echoes.clear();
                                     take_heard(now);
                                     proceed(ns);
                                   }));
}

/// The watch may be ahead of the answer, or behind it: if they differ, it is asked again.
void node_reporter_state::read(const std::string& ns) {
  GKM_ASSERT(reports_[ns].work.is_busy());
  reports_[ns].deferred = {};
  port_.read(ns,
             here<node_report>(node_reporter_actor(self_), [this, ns](result<node_report> found) {
               auto& s = reports_[ns];
               if (!found && found.error().code != errc::not_found)
                 return failed(ns, found.error());
               if (found)
                 s.seen = *found;
               else
                 s.seen.reset();
               if (has_heard_other(s)) return read(ns);
               s.deferred = {};
               s.work.gave_up();
               proceed(ns);
             }));
}

void node_reporter_state::answered(const std::string& ns, const node_report& now) {
  auto& s = reports_[ns];
  s.work.succeeded();
  s.seen = now;
  s.echoes.push_back(now.object.resource_version);
  if (s.echoes.size() > max_echoes) s.echoes.pop_front();
  take_heard(s);
  proceed(ns);
}

/// A conflict, or a report that is gone, means that another writer was here: the report is read,
/// and mended. A second one in a row leads to a pause.
void node_reporter_state::failed(const std::string& ns, const error& e) {
  auto& s = reports_[ns];
  bool is_gone = e.code == errc::not_found && s.seen;
  auto next = s.work.failed(is_gone ? error{errc::conflict, e.message, e.retry_after} : e,
                            self_->clock().now(), chance_());
  if (next.what == base::upkeep::next::read) return read(ns);
  if (is_gone || e.code == errc::conflict) s.seen.reset();
  take_heard(s);
  if (next.is_first) log::warn("Cannot write report", {{"namespace", ns}, {"error", e.message}});
  self_->delayed_send(self_, next.pause, run_atom_v, continuation{[this, ns] {
                        if (reports_.contains(ns)) proceed(ns);
                      }});
}

void node_reporter_state::flush(const std::string& ns) {
  reports_[ns].waiting = false;
  proceed(ns);
}

}  // namespace gkm::node
