#include "actors/operator/admission/pod_view.hpp"

#include "actors/operator/admission/pod_admission.hpp"
#include "messages/names.hpp"
#include "messages/volume.hpp"

#include <algorithm>
#include <functional>

namespace gkm::op {
namespace {

// More than any pod has; beyond them nothing is filled in.
constexpr size_t max_volumes = 256;
constexpr size_t max_containers = 256;
constexpr size_t max_mounts = 256;

// Without doubled and trailing slashes, "." and ".." parts; empty if that is no path for a view.
std::string normalised(std::string_view text) {
  if (!text.starts_with('/') || text.size() > max_path_chars) return {};
  std::string path;
  while (!text.empty()) {
    text.remove_prefix(1);
    auto part = text.substr(0, text.find('/'));
    text.remove_prefix(part.size());
    if (part == "..") path.resize(std::min(path.size(), path.rfind('/')));
    if (!part.empty() && part != "." && part != "..") path.append("/").append(part);
  }
  return !path.empty() && is_normal_path(path) ? path : std::string();
}

std::optional<std::string> root_of(const std::string& path, std::string_view sub_path) {
  if (path.empty()) return std::nullopt;
  auto tail = normalised("/" + std::string(sub_path));
  if (tail.empty() || !path.ends_with(tail) || path.size() == tail.size()) return std::nullopt;
  return path.substr(0, path.size() - tail.size());
}

cache_mount read_mount(const rapidjson::Value& mount, std::string pointer) {
  cache_mount out;
  out.volume = k8s::lookup::text(&mount, {"name"});
  out.pointer = std::move(pointer);
  out.path = normalised(k8s::lookup::text(&mount, {"mountPath"}));
  auto sub_path = k8s::lookup::text(&mount, {"subPath"});
  bool computed = !k8s::lookup::text(&mount, {"subPathExpr"}).empty();
  out.whole = sub_path.empty() && !computed;
  if (out.whole && !out.path.empty()) out.root = out.path;
  if (!out.whole && !computed) out.root = root_of(out.path, sub_path);
  return out;
}

/// The cache volumes of a pod by name, as places in `pod_view::volumes`.
using volume_index = std::map<std::string, size_t, std::less<>>;

void read_containers(const rapidjson::Value* pod, std::string_view kind, const volume_index& ours,
                     pod_view& out, pod_work& work) {
  k8s::lookup::each(pod, {"spec", kind}, [&](size_t i, const auto& container) {
    if (!work.step() || out.containers.size() == max_containers) return;
    pod_container one;
    one.name = k8s::lookup::text(&container, {"name"});
    one.pointer = "/spec/" + std::string(kind) + "/" + std::to_string(i);
    one.value = &container;
    k8s::lookup::each(&container, {"volumeMounts"}, [&](size_t m, const auto& mount) {
      if (!work.step() || one.mounts.size() == max_mounts) return;
      auto volume = ours.find(k8s::lookup::text(&mount, {"name"}));
      if (volume == ours.end()) return;
      out.volumes[volume->second].mounts.push_back({out.containers.size(), one.mounts.size()});
      one.mounts.push_back(read_mount(mount, one.pointer + "/volumeMounts/" + std::to_string(m)));
    });
    if (!one.mounts.empty()) out.containers.push_back(std::move(one));
  });
}

}  // namespace

pod_view view_pod(const rapidjson::Value* pod, pod_work& work) {
  pod_view out;
  volume_index ours;
  k8s::lookup::each(pod, {"spec", "volumes"}, [&](size_t i, const auto& volume) {
    if (!work.step()) return;
    auto name = std::string(k8s::lookup::text(&volume, {"name"}));
    out.volume_names.insert(name);
    if (k8s::lookup::text(&volume, {"csi", "driver"}) != names::csi_driver || name.empty()) return;
    if (out.volumes.size() < max_volumes && ours.emplace(name, out.volumes.size()).second)
      out.volumes.push_back({name, i, &volume, {}});
  });
  read_containers(pod, "containers", ours, out, work);
  read_containers(pod, "initContainers", ours, out, work);
  return out;
}

}  // namespace gkm::op
