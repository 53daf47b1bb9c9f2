#include "actors/operator/admission/pod_env.hpp"

#include "actors/operator/admission/pod_admission.hpp"
#include "k8s/objects/patch.hpp"
#include "messages/names.hpp"
#include "messages/printable.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace gkm::op {
namespace {

struct framework {
  std::string_view type;
  std::string_view variable;
};
constexpr std::array frameworks{framework{"triton", "TRITON_CACHE_DIR"},
                                framework{"vllm", "VLLM_CACHE_ROOT"}};

/// What gkm.io/cache-type says: a type for all volumes (under the name ""), or one for each.
class cache_types {
public:
  explicit cache_types(std::string_view text) {
    while (!text.empty()) {
      auto part = text.substr(0, text.find(','));
      text.remove_prefix(std::min(part.size() + 1, text.size()));
      auto equals = part.find('=');
      auto volume = equals == std::string_view::npos ? "" : part.substr(0, equals);
      auto type = equals == std::string_view::npos ? part : part.substr(equals + 1);
      bool known = std::any_of(frameworks.begin(), frameworks.end(),
                               [&](const auto& f) { return f.type == type; });
      if (known)
        types_.emplace(volume, type);
      else
        unknown_ = type;
    }
  }

  std::string_view of(const std::string& volume) const {
    if (auto at = types_.find(volume); at != types_.end()) return at->second;
    if (auto type = of_origin(volume); !type.empty()) return type;
    auto at = types_.find("");
    return at == types_.end() ? std::string_view() : at->second;
  }
  const std::optional<std::string>& unknown() const { return unknown_; }

private:
  // A further volume (pod_admission.cpp names them "k-gkm-2", cut to what a name may have) is of
  // the type of the volume that it is a copy of: the annotation knows only that one, and the
  // webhook may be asked again.
  std::string_view of_origin(const std::string& volume) const {
    constexpr size_t max_volume_name_chars = 63;
    auto infix = volume.rfind("-gkm-");
    if (infix == std::string::npos) return {};
    auto stem = volume.substr(0, infix);
    bool is_cut = volume.size() == max_volume_name_chars;
    auto at = types_.lower_bound(stem);
    bool fits =
        at != types_.end() && (at->first == stem || (is_cut && at->first.starts_with(stem)));
    return fits ? std::string_view(at->second) : std::string_view();
  }

  std::map<std::string, std::string> types_;
  std::optional<std::string> unknown_;
};

// A volume mounted twice is there once: where it was mounted first.
std::vector<const cache_mount*> distinct(const std::vector<cache_mount>& mounts) {
  std::vector<const cache_mount*> out;
  std::set<std::string_view> seen;
  for (const auto& mount : mounts)
    if (mount.whole && !mount.path.empty() && seen.insert(mount.volume).second)
      out.push_back(&mount);
  return out;
}

class injection {
public:
  injection(const cache_types& types, pod_work& work) : types_(types), work_(work) {}

  void visit(const pod_container& container) {
    auto mounts = distinct(container.mounts);
    if (mounts.empty()) return;
    if (const auto* from = k8s::lookup::member(container.value, "envFrom");
        from && from->IsArray() && !from->Empty())
      return warn(container, "has envFrom, which may set them already");
    for (const auto& f : frameworks) {
      auto claims = claimants(mounts, f.type);
      if (sets(container.value, f.variable)) continue;
      if (claims.size() > 1)
        warn(container, "mounts several caches: say in " +
                            std::string(names::cache_type_annotation) +
                            " which is which, as in 'volume=triton,other=vllm'");
      if (claims.size() == 1) add(container, f.variable, claims.front()->path);
    }
  }

  env_additions additions;

private:
  bool sets(const rapidjson::Value* container, std::string_view variable) {
    bool found = false;
    k8s::lookup::each(container, {"env"}, [&](size_t, const auto& entry) {
      found = found || !work_.step() || k8s::lookup::text(&entry, {"name"}) == variable;
    });
    return found;
  }

  void warn(const pod_container& container, const std::string& why) {
    auto text = "container '" + container.name + "' gets no cache variables: it " + why;
    if (std::exchange(last_warning_, text) != text) work_.warn(std::move(text));
  }

  // The mounts that are of this type, or could be.
  std::vector<const cache_mount*> claimants(const std::vector<const cache_mount*>& mounts,
                                            std::string_view type) {
    std::vector<const cache_mount*> sure, possible;
    for (const auto* mount : mounts) {
      if (!work_.step()) break;
      auto said = types_.of(mount->volume);
      if (said == type) sure.push_back(mount);
      if (said.empty()) possible.push_back(mount);
    }
    return sure.empty() ? possible : sure;
  }

  void add(const pod_container& container, std::string_view variable, const std::string& path) {
    auto entry =
        R"({"name":)" + k8s::json_text(variable) + R"(,"value":)" + k8s::json_text(path) + "}";
    auto at = container.pointer + "/env";
    bool exists = k8s::lookup::member(container.value, "env") || at == last_made_;
    if (!exists) last_made_ = at;
    additions.emplace_back(exists ? at + "/-" : at, exists ? entry : "[" + entry + "]");
  }

  const cache_types& types_;
  pod_work& work_;
  std::string last_made_;
  std::string last_warning_;
};

}  // namespace

env_additions inject_env(const rapidjson::Value* pod, const pod_view& view, pod_work& work) {
  auto annotation = [&](std::string_view name) {
    return k8s::lookup::text(pod, {"metadata", "annotations", name});
  };
  if (annotation(names::inject_env_annotation) != "true") return {};
  cache_types types(annotation(names::cache_type_annotation));
  injection plan(types, work);
  if (types.unknown())
    work.warn("annotation " + std::string(names::cache_type_annotation) + " has '" +
              printable(*types.unknown(), 40) + "', GKM knows 'triton' and 'vllm'");
  for (const auto& container : view.containers) plan.visit(container);
  return std::move(plan.additions);
}

}  // namespace gkm::op
