#include "actors/agent/kube_reports.hpp"

#include "actors/agent/metrics.hpp"
#include "k8s/client.hpp"
#include "k8s/events.hpp"
#include "k8s/objects/patch.hpp"
#include "k8s/objects/types.hpp"

namespace gkm::node {
namespace {

k8s::object_key key_of(const node_report& report) { return {report.ns, report.name}; }

/// Counts the request, and reads the report that it was answered with.
answer<k8s::object> parsed(answer<node_report> reply, metrics& counts, std::string_view what) {
  return [reply = std::move(reply), &counts, what](const result<k8s::object>& o) {
    counts.asked(what, o ? errc::none : o.error().code);
    if (!o) return reply(fail(o.error()));
    reply(k8s::parse_node_report(*o));
  };
}

}  // namespace

void kube_reports::create(const node_report& report, const std::string& node_uid,
                          answer<node_report> reply) {
  k8s::owner_reference node{k8s::nodes.api_version(), std::string(k8s::nodes.kind), node_name_,
                            node_uid, false};
  client_.create(k8s::reports_in(report.ns), report.ns, k8s::new_node_report(report, node),
                 parsed(std::move(reply), metrics_, "create"));
}

void kube_reports::write(const node_report& seen, const node_report& wanted,
                         answer<node_report> reply) {
  auto patch = k8s::status_patch(seen, wanted);
  if (!patch) return reply(seen);
  // Every patch is an object with members, and none of them is "metadata".
  auto body = R"({"metadata":{"resourceVersion":)" + k8s::json_text(seen.object.resource_version) +
              "}," + patch->substr(1);
  client_.merge_patch(k8s::reports_in(seen.ns), key_of(seen), std::move(body),
                      parsed(std::move(reply), metrics_, "status"), "status");
}

void kube_reports::remove(const node_report& seen, answer<done> reply) {
  k8s::delete_options only;
  only.uid = seen.object.uid;
  only.resource_version = seen.object.resource_version;
  client_.remove(k8s::reports_in(seen.ns), key_of(seen), only,
                 [this, reply = std::move(reply)](const result<bool>& outcome) {
                   bool is_gone = outcome || outcome.error().code == errc::not_found;
                   metrics_.asked("delete", is_gone ? errc::none : outcome.error().code);
                   if (!is_gone) return reply(fail(outcome.error()));
                   reply(done{});
                 });
}

void kube_reports::read(const std::string& ns, answer<node_report> reply) {
  client_.get(k8s::reports_in(ns), {ns, node_name_}, parsed(std::move(reply), metrics_, "read"));
}

void kube_reports::record(const node_report& about, const report_event& event) {
  const auto& what = k8s::reports_in(about.ns);
  events_.record({{what.api_version(), std::string(what.kind), key_of(about), about.object.uid},
                  false,
                  event.reason,
                  event.action,
                  event.note});
}

}  // namespace gkm::node
