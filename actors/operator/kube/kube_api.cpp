#include "actors/operator/kube/kube_api.hpp"

#include "actors/operator/verdict.hpp"
#include "k8s/objects/patch.hpp"
#include "k8s/objects/types.hpp"
#include "messages/names.hpp"

#include <algorithm>
#include <memory>
#include <set>

namespace gkm::op {
namespace {

/// Counts the write, and reads the object that it was answered with.
answer<k8s::object> parsed(answer<cache_object> reply, metrics* counts, std::string_view what) {
  return [reply = std::move(reply), counts, what](result<k8s::object> o) {
    if (counts) counts->wrote(what, o ? errc::none : o.error().code);
    if (!o) return reply(fail(o.error()));
    reply(k8s::parse_cache(*o));
  };
}

/// A merge patch that holds only for the version that was seen.
std::string for_version(const std::string& patch, const cache_object& seen) {
  // Every patch is an object with members, and none of them is "metadata".
  return R"({"metadata":{"resourceVersion":)" + k8s::json_text(seen.object.resource_version) +
         "}," + patch.substr(1);
}

/// Pods of the cache's own namespace alone: others' names are not for its readers.
void add_pods(std::set<std::string>& names, const cache_ref& ref, const node_report& report) {
  auto cache = report.caches.find(ref.name);
  if (cache == report.caches.end()) return;
  for (const auto& [resolved, entry] : cache->second)
    for (const auto& use : entry.pods)
      if (use.ns == ref.ns) names.insert(use.name);
}

/// One report after the other.
struct pod_question {
  k8s::client& client;
  cache_ref ref;
  std::vector<std::string> nodes;
  answer<std::vector<std::string>> reply;
  std::set<std::string> names{};

  static void ask(const std::shared_ptr<pod_question>& q) {
    if (q->nodes.empty()) return q->reply(std::vector(q->names.begin(), q->names.end()));
    k8s::object_key report{q->ref.ns, std::move(q->nodes.back())};
    q->nodes.pop_back();
    q->client.get(k8s::gkm_cache_nodes, report, [q](const result<k8s::object>& got) {
      if (!got && got.error().code != errc::not_found) return q->reply(fail(got.error()));
      auto parsed = got ? k8s::parse_node_report(*got) : fail(got.error());
      if (parsed) add_pods(q->names, q->ref, *parsed);
      ask(q);
    });
  }
};

std::string driver_object() {
  k8s::draft d(k8s::csi_drivers, {"", std::string(names::csi_driver)});
  d.set({"metadata", "labels", "security.kubernetes.io/csi-ephemeral-volume-profile"},
        "restricted");
  d.set({"spec", "attachRequired"}, false).set({"spec", "podInfoOnMount"}, true);
  d.set({"spec", "volumeLifecycleModes"}, std::vector<std::string>{"Ephemeral"});
  d.set({"spec", "fsGroupPolicy"}, "None").set({"spec", "seLinuxMount"}, false);
  d.set({"spec", "storageCapacity"}, false);
  return d.print();
}

}  // namespace

void kube_api::write_status(const cache_object& seen, const cache_object_status& wanted,
                            answer<cache_object> reply) {
  auto patch = k8s::status_patch(seen.status, wanted);
  if (!patch) return reply(seen);
  client_.merge_patch(k8s::caches_like(seen.ref), k8s::key_of(seen.ref), for_version(*patch, seen),
                      parsed(std::move(reply), &metrics_, "status"), "status");
}

void kube_api::add_finalizer(const cache_object& seen, answer<cache_object> reply) {
  auto wanted = seen.object.finalizers;
  wanted.emplace_back(names::in_use_finalizer);
  write_finalizers(seen, wanted, std::move(reply));
}

void kube_api::remove_finalizer(const cache_object& seen, answer<cache_object> reply) {
  auto wanted = seen.object.finalizers;
  std::erase(wanted, names::in_use_finalizer);
  write_finalizers(seen, wanted, std::move(reply));
}

void kube_api::write_finalizers(const cache_object& seen, const std::vector<std::string>& wanted,
                                answer<cache_object> reply) {
  k8s::draft d;
  d.set({"metadata", "resourceVersion"}, seen.object.resource_version);
  d.set({"metadata", "finalizers"}, wanted);
  client_.merge_patch(k8s::caches_like(seen.ref), k8s::key_of(seen.ref), d.print(),
                      parsed(std::move(reply), &metrics_, "finalizer"));
}

void kube_api::read(const cache_ref& ref, answer<cache_object> reply) {
  client_.get(k8s::caches_like(ref), k8s::key_of(ref), parsed(std::move(reply), nullptr, {}));
}

void kube_api::read_pods(const cache_ref& ref, const std::vector<std::string>& nodes,
                         answer<std::vector<std::string>> reply) {
  pod_question::ask(
      std::make_shared<pod_question>(pod_question{client_, ref, nodes, std::move(reply)}));
}

void kube_api::record(const cache_object& about, const cache_event& event) {
  const auto& what = k8s::caches_like(about.ref);
  k8s::event e;
  e.subject = {what.api_version(), std::string(what.kind), k8s::key_of(about.ref),
               about.object.uid};
  e.warning = event.warning;
  e.reason = event.reason;
  e.action = "Reconcile";
  e.note = event.note;
  events_.record(e);
  metrics_.wrote("event", errc::none);
}

void kube_api::ensure_driver(answer<done> reply) {
  client_.apply(k8s::csi_drivers, {"", std::string(names::csi_driver)}, driver_object(),
                {names::gkm_operator, true}, [reply, counts = &metrics_](result<k8s::object> o) {
                  counts->wrote("driver", o ? errc::none : o.error().code);
                  if (!o) return reply(fail(o.error()));
                  reply(done{});
                });
}

}  // namespace gkm::op
