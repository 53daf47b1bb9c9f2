#include "actors/operator/kube/kube_rollouts.hpp"

#include "base/program/log.hpp"
#include "k8s/objects/patch.hpp"
#include "messages/names.hpp"

#include <rapidjson/document.h>

namespace gkm::op {
namespace log = base::log;
namespace {

/// A manager of its own: what it applies is all that it manages.
constexpr const char* field_manager = "gkm-operator-config";

std::string text_in(const rapidjson::Value& object, const char* name) {
  auto at = object.FindMember(name);
  if (at == object.MemberEnd() || !at->value.IsString()) return {};
  return {at->value.GetString(), at->value.GetStringLength()};
}

std::vector<daemon_set::container> containers_in(const rapidjson::Value* list) {
  std::vector<daemon_set::container> found;
  if (!list || !list->IsArray()) return found;
  for (const auto& one : list->GetArray()) {
    if (!one.IsObject()) continue;
    auto name = text_in(one, "name");
    if (is_gkms_container(name)) found.push_back({std::move(name), text_in(one, "image")});
  }
  return found;
}

void put_containers(k8s::draft& d, std::string_view list,
                    const std::vector<daemon_set::container>& all) {
  if (all.empty()) return;
  rapidjson::Document array(rapidjson::kArrayType);
  auto& memory = array.GetAllocator();
  for (const auto& one : all) {
    rapidjson::Value entry(rapidjson::kObjectType);
    entry.AddMember("name", rapidjson::Value(one.name, memory), memory);
    entry.AddMember("image", rapidjson::Value(one.image, memory), memory);
    array.PushBack(entry, memory);
  }
  d.set({"spec", "template", "spec", list}, array);
}

}  // namespace

daemon_set parse_daemon_set(const k8s::object& o) {
  daemon_set d;
  d.name = o.name();
  d.version = o.resource_version();
  d.containers = containers_in(o.find({"spec", "template", "spec", "containers"}));
  d.init_containers = containers_in(o.find({"spec", "template", "spec", "initContainers"}));
  d.no_gpu = o.text({"spec", "template", "metadata", "annotations", names::no_gpu_annotation});
  return d;
}

std::string print_daemon_set(const std::string& ns, const daemon_set& wanted) {
  k8s::draft d(k8s::daemon_sets, {ns, wanted.name});
  d.set({"metadata", "resourceVersion"}, wanted.version);
  put_containers(d, "containers", wanted.containers);
  put_containers(d, "initContainers", wanted.init_containers);
  if (!wanted.no_gpu.empty())
    d.set({"spec", "template", "metadata", "annotations", names::no_gpu_annotation}, wanted.no_gpu);
  return d.print();
}

void kube_rollouts::read(const std::string& daemon, answer<daemon_set> reply) {
  client_.get(k8s::daemon_sets, {own_ns_, daemon}, [reply](result<k8s::object> o) {
    if (!o) return reply(fail(o.error()));
    reply(parse_daemon_set(*o));
  });
}

void kube_rollouts::write(const daemon_set& wanted, answer<done> reply) {
  client_.apply(k8s::daemon_sets, {own_ns_, wanted.name}, print_daemon_set(own_ns_, wanted),
                {field_manager, true}, [reply, wanted, counts = &metrics_](result<k8s::object> o) {
                  counts->wrote("daemonset", o ? errc::none : o.error().code);
                  if (!o) return reply(fail(o.error()));
                  log::info("A DaemonSet follows gkm-config",
                            {{"daemonset", wanted.name},
                             {"image", wanted.containers.empty() ? "" : wanted.containers[0].image},
                             {"nogpu", wanted.no_gpu.empty() ? "false" : wanted.no_gpu}});
                  reply(done{});
                });
}

void kube_rollouts::complain(const bad_setting& about) {
  log::warn("A setting is not understood, its last value stays",
            {{"key", about.key}, {"value", about.value}, {"error", about.why}});
  client_.get(k8s::config_maps, {own_ns_, names::config_map},
              [this, about](result<k8s::object> config) {
                if (!config) return;
                k8s::event e;
                e.subject = k8s::event_subject::of(k8s::config_maps, *config);
                e.warning = true;
                e.reason = "SettingRefused";
                e.action = "Configure";
                e.note = about.key + " '" + about.value + "' is refused: " + about.why;
                events_.record(e);
              });
}

}  // namespace gkm::op
