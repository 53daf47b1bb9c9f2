#include "actors/operator/admission/pod_admission.hpp"

#include "actors/operator/admission/pod_env.hpp"
#include "actors/operator/admission/pod_view.hpp"
#include "k8s/objects/patch.hpp"
#include "messages/names.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <map>
#include <set>

namespace gkm::op {
namespace {

constexpr size_t max_volume_name_chars = 63;
constexpr std::string_view infix = "-gkm-";
constexpr size_t operation_bytes = 40;  // of one in a patch, besides its path and value

std::string print(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> out(buffer);
  value.Accept(out);
  return {buffer.GetString(), buffer.GetSize()};
}

/// Names for further volumes: as Kubernetes wants them, and as no other volume of the pod has them.
class free_names {
public:
  explicit free_names(std::set<std::string>& taken) : taken_(taken) {}

  std::string next(const std::string& of, pod_work& work) {
    // Names that begin alike share a count, so that none is tried twice.
    auto& n = counts_.try_emplace(of.substr(0, shortest_stem), 2).first->second;
    for (; work.step(); ++n) {
      auto tail = std::string(infix) + std::to_string(n);
      auto name = of.substr(0, max_volume_name_chars - tail.size()) + tail;
      if (taken_.insert(name).second) return name;
    }
    return {};
  }

private:
  static constexpr size_t shortest_stem = max_volume_name_chars - infix.size() - 8;
  std::set<std::string>& taken_;
  std::map<std::string, size_t> counts_;
};

// A copy of the volume under another name, with the path in it.
std::string further_volume(const rapidjson::Value& of, const std::string& name,
                           const std::string& path) {
  rapidjson::Document copy;
  auto& memory = copy.GetAllocator();
  copy.CopyFrom(of, memory);
  copy["name"].SetString(name, memory);
  auto& csi = copy["csi"];
  csi.RemoveMember("volumeAttributes");
  rapidjson::Value attributes(rapidjson::kObjectType);
  if (const auto* given = k8s::lookup::find(&of, {"csi", "volumeAttributes"}))
    attributes.CopyFrom(*given, memory);
  attributes.AddMember(rapidjson::Value(std::string(attribute::mount_path), memory),
                       rapidjson::Value(path, memory), memory);
  csi.AddMember("volumeAttributes", attributes, memory);
  return print(copy);
}

class completion {
public:
  completion(const rapidjson::Value* pod, const pod_limits& limits)
      : work_(limits), pod_(pod), view_(view_pod(pod, work_)), names_(view_.volume_names) {}

  pod_completion run() {
    for (const auto& volume : view_.volumes)
      if (!work_.is_given_up()) place(volume);
    for (const auto& [pointer, value] : inject_env(pod_, view_, work_)) add(pointer, value);
    pod_completion out;
    out.steps = work_.steps();
    if (work_.is_given_up()) {
      out.decision.warnings = {"GKM filled in nothing of this pod: " + work_.why() + "; write " +
                               std::string(attribute::mount_path) +
                               " in the attributes of its volumes, one volume for each path"};
      return out;
    }
    if (!patch_.empty()) out.decision.patch = patch_.print();
    out.decision.warnings = work_.take_warnings();
    return out;
  }

private:
  /// A path where a volume is mounted, and the mounts that have it there.
  struct root {
    std::string_view path;
    std::vector<const cache_mount*> mounts;
  };

  void place(const cache_volume& volume) {
    const auto* attributes = k8s::lookup::find(volume.value, {"csi", "volumeAttributes"});
    if (attributes && !attributes->IsObject()) return;  // the API server denies it
    if (k8s::lookup::member(attributes, attribute::mount_path)) return;
    auto roots = roots_of(volume);
    if (roots.empty()) return;
    set_path(volume, attributes != nullptr, std::string(roots.front().path));
    for (size_t i = 1; i < roots.size() && !work_.is_given_up(); ++i) add_volume(volume, roots[i]);
  }

  /// In the order in which they are met.
  std::vector<root> roots_of(const cache_volume& volume) {
    std::vector<root> roots;
    std::map<std::string_view, size_t> known;
    for (const auto& at : volume.mounts) {
      if (!work_.step()) break;
      const auto& container = view_.containers[at.container];
      const auto& mount = container.mounts[at.mount];
      if (!mount.root) {
        work_.warn("container '" + container.name + "' mounts a part of volume '" + mount.volume +
                   "', so GKM cannot tell it where it is: mount all of it, or a subPath at a path "
                   "that ends with it");
        continue;
      }
      auto [one, is_new] = known.try_emplace(*mount.root, roots.size());
      if (is_new) roots.push_back({*mount.root, {}});
      roots[one->second].mounts.push_back(&mount);
    }
    return roots;
  }

  void set_path(const cache_volume& volume, bool has_attributes, const std::string& path) {
    auto at = "/spec/volumes/" + std::to_string(volume.index) + "/csi/volumeAttributes";
    if (has_attributes)
      add(at + "/" + k8s::pointer_part(attribute::mount_path), k8s::json_text(path));
    else
      add(at, "{" + k8s::json_text(attribute::mount_path) + ":" + k8s::json_text(path) + "}");
  }

  void add_volume(const cache_volume& volume, const root& at) {
    auto name = names_.next(volume.name, work_);
    if (!work_.add_volume()) return;
    add("/spec/volumes/-", further_volume(*volume.value, name, std::string(at.path)));
    for (const auto* mount : at.mounts) {
      auto pointer = mount->pointer + "/name";
      auto value = k8s::json_text(name);
      if (work_.step() && work_.add_bytes(pointer.size() + value.size() + operation_bytes))
        patch_.replace(pointer, value);
    }
  }

  void add(const std::string& pointer, const std::string& value) {
    if (work_.add_bytes(pointer.size() + value.size() + operation_bytes))
      patch_.add(pointer, value);
  }

  pod_work work_;
  const rapidjson::Value* pod_;
  pod_view view_;
  free_names names_;
  k8s::json_patch patch_;
};

}  // namespace

pod_completion complete_pod(const admission_request& asked, const pod_limits& limits) {
  if (asked.operation != admission_operation::create || !asked.sub_resource.empty()) return {};
  return completion(asked.object, limits).run();
}

}  // namespace gkm::op
