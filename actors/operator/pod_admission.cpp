#include "actors/operator/pod_admission.hpp"

#include "actors/operator/pod_env.hpp"
#include "actors/operator/pod_view.hpp"
#include "k8s/patch.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

namespace gkm::cluster {
namespace {

constexpr size_t max_further_volumes = 32;
constexpr size_t max_volume_name_chars = 63;
constexpr std::string_view infix = "-gkm-";

std::string print(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> out(buffer);
  value.Accept(out);
  return {buffer.GetString(), buffer.GetSize()};
}

// As Kubernetes wants volumes to be named, and as no other volume of the pod is.
std::string further_name(const std::string& of, std::set<std::string>& taken) {
  for (size_t n = 2;; ++n) {
    auto tail = std::string(infix) + std::to_string(n);
    auto name = of.substr(0, max_volume_name_chars - tail.size()) + tail;
    if (taken.insert(name).second) return name;
  }
}

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
  if (const auto* given = lookup::find(&of, {"csi", "volumeAttributes"}))
    attributes.CopyFrom(*given, memory);
  attributes.AddMember(rapidjson::Value(std::string(mount_path_attribute), memory),
                       rapidjson::Value(path, memory), memory);
  csi.AddMember("volumeAttributes", attributes, memory);
  return print(copy);
}

class completion {
public:
  explicit completion(const rapidjson::Value* pod) : pod_(pod), view_(view_pod(pod)) {}

  admission_decision run() {
    for (const auto& volume : view_.volumes) place(volume);
    auto env = inject_env(pod_, view_);
    for (const auto& [pointer, value] : env.additions) patch_.add(pointer, value);
    warnings_.insert(warnings_.end(), env.warnings.begin(), env.warnings.end());
    admission_decision yes;
    if (!patch_.empty()) yes.patch = patch_.print();
    yes.warnings = std::move(warnings_);
    return yes;
  }

private:
  void place(const cache_volume& volume) {
    const auto* attributes = lookup::find(volume.value, {"csi", "volumeAttributes"});
    if (attributes && !attributes->IsObject()) return;  // the API server denies it
    if (lookup::member(attributes, mount_path_attribute)) return;
    std::vector<std::string> roots;
    for (const auto& container : view_.containers)
      for (const auto& mount : container.mounts)
        if (mount.volume == volume.name) collect(container, mount, roots);
    if (roots.empty()) return;
    set_path(volume, attributes != nullptr, roots.front());
    for (size_t i = 1; i < roots.size(); ++i) add_volume(volume, roots[i]);
  }

  void collect(const pod_container& container, const cache_mount& mount,
               std::vector<std::string>& roots) {
    if (!mount.root) {
      warnings_.push_back(
          "container '" + container.name + "' mounts a part of volume '" + mount.volume +
          "', so GKM cannot tell it where it is: mount all of it, or a subPath at a path that "
          "ends with it");
      return;
    }
    if (std::find(roots.begin(), roots.end(), *mount.root) != roots.end()) return;
    if (roots.size() <= max_further_volumes) roots.push_back(*mount.root);
  }

  void set_path(const cache_volume& volume, bool has_attributes, const std::string& path) {
    auto at = "/spec/volumes/" + std::to_string(volume.index) + "/csi/volumeAttributes";
    if (has_attributes)
      patch_.add(at + "/" + k8s::pointer_part(mount_path_attribute), k8s::json_text(path));
    else
      patch_.add(at, "{" + k8s::json_text(mount_path_attribute) + ":" + k8s::json_text(path) + "}");
  }

  void add_volume(const cache_volume& volume, const std::string& root) {
    auto name = further_name(volume.name, view_.volume_names);
    patch_.add("/spec/volumes/-", further_volume(*volume.value, name, root));
    for (const auto& container : view_.containers)
      for (const auto& mount : container.mounts)
        if (mount.volume == volume.name && mount.root == root)
          patch_.replace(mount.pointer + "/name", k8s::json_text(name));
  }

  const rapidjson::Value* pod_;
  pod_view view_;
  k8s::json_patch patch_;
  std::vector<std::string> warnings_;
};

}  // namespace

admission_decision complete_pod(const admission_request& asked) {
  if (asked.operation != admission_operation::create || !asked.sub_resource.empty()) return {};
  return completion(asked.object).run();
}

}  // namespace gkm::cluster
