#include "tests/support/kube/kubelet_stand_in.hpp"

#include "base/sha256.hpp"
#include "messages/json/json.hpp"
#include "messages/names.hpp"

#include <gtest/gtest.h>

namespace gkm::support {
namespace fs = std::filesystem;
namespace {

bool is_ours(const rapidjson::Value& volume) {
  return volume.HasMember("csi") && volume["csi"]["driver"] == names::csi_driver;
}

std::map<std::string, std::string> attributes_of(const rapidjson::Value& csi,
                                                 const std::string& pod_uid, const cache_pod& pod) {
  std::map<std::string, std::string> all;
  if (csi.HasMember("volumeAttributes"))
    for (const auto& a : csi["volumeAttributes"].GetObject())
      all[a.name.GetString()] = a.value.GetString();
  all["csi.storage.k8s.io/pod.name"] = pod.name;
  all["csi.storage.k8s.io/pod.namespace"] = pod.ns;
  all["csi.storage.k8s.io/pod.uid"] = pod_uid;
  all["csi.storage.k8s.io/serviceAccount.name"] = "default";
  all["csi.storage.k8s.io/ephemeral"] = "true";
  return all;
}

}  // namespace

std::string cache_pod::yaml(const std::string& node) const {
  auto of_volume = "csi.gkm.io/GKMCache: " + cache.name;
  if (!cache.is_cluster()) of_volume += ", csi.gkm.io/namespace: " + cache.ns;
  for (const auto& [key, value] : attributes) of_volume += ", " + key + ": '" + value + "'";
  return "{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: " + ns +
         "}, spec: {nodeName: " + node +
         ", containers: [{name: main, image: none, volumeMounts: [{name: cache, mountPath: " +
         mount_path + "}]}], volumes: [{name: cache, csi: {driver: " + names::csi_driver +
         (read_only ? ", readOnly: true" : "") + ", volumeAttributes: {" + of_volume + "}}}]}}";
}

kubelet_stand_in::kubelet_stand_in(const kubectl& api, std::string node, fs::path root,
                                   std::function<csi_client&()> driver)
    : api_(api), node_(std::move(node)), root_(std::move(root)), driver_(std::move(driver)) {}

bool kubelet_stand_in::run(const cache_pod& pod) {
  make(pod);
  auto mounted = publish(pod);
  EXPECT_TRUE(mounted.ok()) << id(pod) << ": " << mounted.message;
  if (mounted.ok()) say_running(pod);
  return mounted.ok();
}

bool kubelet_stand_in::end(const cache_pod& pod) {
  auto gone = unpublish(pod);
  EXPECT_TRUE(gone.ok()) << id(pod) << ": " << gone.message;
  remove(pod);
  return gone.ok();
}

void kubelet_stand_in::make(const cache_pod& pod) {
  api_.apply(pod.yaml(node_));
  pods_[id(pod)] = read(pod);
}

std::vector<pod_volume> kubelet_stand_in::read(const cache_pod& pod) const {
  std::vector<pod_volume> found;
  auto object = json::parse(api_.run({"get", "pod", pod.name, "-n", pod.ns, "-o", "json"}));
  if (!object) return found;
  std::string uid = (*object)["metadata"]["uid"].GetString();
  for (const auto& v : (*object)["spec"]["volumes"].GetArray()) {
    if (!is_ours(v)) continue;
    std::string name = v["name"].GetString();
    const auto& csi = v["csi"];
    found.push_back({"csi-" + base::sha256::of(uid + name).hex,
                     root_ / "pods" / uid / "volumes/kubernetes.io~csi" / name / "mount",
                     attributes_of(csi, uid, pod),
                     csi.HasMember("readOnly") && csi["readOnly"].GetBool()});
  }
  return found;
}

csi_answer kubelet_stand_in::publish(const cache_pod& pod, std::chrono::milliseconds limit) {
  for (const auto& v : volumes(pod)) {
    fs::create_directories(fs::path(v.target).parent_path());
    auto mounted = driver_().publish(v, limit);
    if (!mounted.ok()) return mounted;
  }
  return {};
}

void kubelet_stand_in::say_running(const cache_pod& pod) {
  api_.run({"patch", "pod", pod.name, "-n", pod.ns, "--subresource=status", "--type=merge", "-p",
            R"({"status":{"phase":"Running"}})"});
}

csi_answer kubelet_stand_in::unpublish(const cache_pod& pod) {
  for (const auto& v : volumes(pod)) {
    auto gone = driver_().unpublish(v);
    if (!gone.ok()) return gone;
  }
  return {};
}

void kubelet_stand_in::remove(const cache_pod& pod) {
  api_.run({"delete", "pod", pod.name, "-n", pod.ns, "--force", "--grace-period=0"});
  pods_.erase(id(pod));
}

fs::path kubelet_stand_in::mount_of(const cache_pod& pod) {
  const auto& all = volumes(pod);
  return all.empty() ? "/nonexistent" : fs::path(all.front().target);
}

}  // namespace gkm::support
