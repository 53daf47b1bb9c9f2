#include "actors/operator/admission/cache_admission.hpp"

#include "actors/operator/verdict.hpp"
#include "k8s/objects/json_lookup.hpp"
#include "k8s/objects/patch.hpp"
#include "k8s/objects/types.hpp"
#include "messages/names.hpp"
#include "messages/printable.hpp"

namespace gkm::op {
namespace {

constexpr size_t max_pull_secrets = 16;

std::string_view image_of(const rapidjson::Value* object) {
  return k8s::lookup::text(object, {"spec", "image"});
}

std::string_view admitted_digest_in(const rapidjson::Value* object) {
  return k8s::lookup::text(object, {"metadata", "annotations", names::resolved_digest_annotation});
}

bool is_deleting(const admission_request& asked) {
  return !k8s::lookup::text(asked.old_object, {"metadata", "deletionTimestamp"}).empty();
}

bool is_new_image(const admission_request& asked) {
  return asked.operation == admission_operation::create ||
         image_of(asked.object) != image_of(asked.old_object);
}

bool is_none_of_ours(const admission_request& asked, std::string_view operator_user) {
  return asked.operation == admission_operation::other || !asked.sub_resource.empty() ||
         asked.user == operator_user || !asked.object;
}

error malformed_image(std::string_view image, const std::string& cause) {
  return {errc::invalid_argument,
          "spec.image '" + printable(image) + "' is malformed: " + cause +
              "; write it as registry/repository:tag or registry/repository@sha256:digest",
          {}};
}

result<image_ref> read_image(const admission_request& asked) {
  auto image = image_of(asked.object);
  auto ref = image_ref::parse(image);
  if (!ref) return fail(malformed_image(image, ref.error().message));
  if (ref->is_layout())
    return fail(malformed_image(image, "a directory cannot be reached from a cluster"));
  return ref;
}

cache_object cache_of(const admission_request& asked) {
  cache_object cache;
  cache.ref = {asked.ns, std::string(k8s::lookup::text(asked.object, {"metadata", "name"}))};
  cache.image = image_of(asked.object);
  k8s::lookup::each(asked.object, {"spec", "imagePullSecrets"}, [&](size_t i, const auto& entry) {
    auto name = k8s::lookup::text(&entry, {"name"});
    if (i < max_pull_secrets && !name.empty()) cache.pull_secrets.emplace_back(name);
  });
  return cache;
}

void put_annotation(k8s::json_patch& patch, const rapidjson::Value* object,
                    std::string_view digest) {
  auto at = "/metadata/annotations/" + k8s::pointer_part(names::resolved_digest_annotation);
  auto value = k8s::json_text(digest);
  // "add" replaces what is there, but it needs a parent.
  if (k8s::lookup::find(object, {"metadata", "annotations"}))
    patch.add(at, value);
  else
    patch.add("/metadata/annotations",
              "{" + k8s::json_text(names::resolved_digest_annotation) + ":" + value + "}");
}

bool has_finalizer(const rapidjson::Value* object) {
  bool found = false;
  k8s::lookup::each(object, {"metadata", "finalizers"}, [&](size_t, const auto& name) {
    found =
        found || (name.IsString() && std::string_view(name.GetString()) == names::in_use_finalizer);
  });
  return found;
}

void put_finalizer(k8s::json_patch& patch, const rapidjson::Value* object) {
  if (has_finalizer(object)) return;
  auto name = k8s::json_text(names::in_use_finalizer);
  if (k8s::lookup::find(object, {"metadata", "finalizers"}))
    patch.add("/metadata/finalizers/-", name);
  else
    patch.add("/metadata/finalizers", "[" + name + "]");
}

void put_own_finalizer(k8s::json_patch& patch, const admission_request& asked) {
  // Else the operator would have to write it before anything else.
  if (asked.operation == admission_operation::create) put_finalizer(patch, asked.object);
}

admission_decision allow(const k8s::json_patch& patch) {
  admission_decision yes;
  if (!patch.empty()) yes.patch = patch.print();
  return yes;
}

admission_decision leave_to_leader(const admission_request& asked) {
  k8s::json_patch patch;
  if (k8s::lookup::find(asked.object,
                        {"metadata", "annotations", names::resolved_digest_annotation}))
    patch.remove("/metadata/annotations/" + k8s::pointer_part(names::resolved_digest_annotation));
  put_own_finalizer(patch, asked);
  return allow(patch);
}

admission_decision put_back(const admission_request& asked) {
  admission_decision yes;
  auto before = admitted_digest_in(asked.old_object);
  bool dropped = !k8s::lookup::find(asked.object,
                                    {"metadata", "annotations", names::resolved_digest_annotation});
  // Another value is somebody's own, and is denied, not repaired.
  if (!dropped || before.empty()) return yes;
  k8s::json_patch patch;
  put_annotation(patch, asked.object, before);
  yes.patch = patch.print();
  return yes;
}

admission_decision unresolved(const admission_request& asked, error why) {
  auto image = printable(image_of(asked.object));
  auto text = "image '" + image + "' could not be resolved to a digest: " + why.message;
  if (why.code == errc::unavailable || why.code == errc::cancelled)
    text += "; nothing else is known to be wrong: apply it again once the registry answers";
  why.message = std::move(text);
  return deny(why);
}

}  // namespace

cache_verdict review_mutation(const admission_request& asked, const review_sender& sender) {
  if (is_none_of_ours(asked, sender.operator_user)) return {};
  // What is going needs no image any more, and must not wait for one.
  if (!is_new_image(asked) || is_deleting(asked)) return {std::nullopt, put_back(asked)};
  if (auto image = read_image(asked); !image) return {std::nullopt, deny(image.error())};
  auto cache = cache_of(asked);
  if (!cache.pull_secrets.empty() && !sender.proven) return {std::nullopt, leave_to_leader(asked)};
  return {std::move(cache), {}};
}

admission_decision admit_digest(const admission_request& asked, const result<digest>& resolved) {
  if (!resolved && resolved.error().code == errc::busy) return leave_to_leader(asked);
  if (!resolved) return unresolved(asked, resolved.error());
  k8s::json_patch patch;
  if (admitted_digest_in(asked.object) != resolved->str())
    put_annotation(patch, asked.object, resolved->str());
  put_own_finalizer(patch, asked);
  return allow(patch);
}

cache_verdict review_validation(const admission_request& asked, const review_sender& sender) {
  if (is_none_of_ours(asked, sender.operator_user)) return {};
  bool same = admitted_digest_in(asked.object) == admitted_digest_in(asked.old_object);
  if (!is_new_image(asked) || is_deleting(asked)) {
    if (same) return {};
    return {std::nullopt, deny({errc::unauthorized,
                                "only GKM writes the annotation gkm.io/resolvedDigest: leave it "
                                "out, and change spec.image to have another image",
                                {}})};
  }
  auto image = read_image(asked);
  if (!image) return {std::nullopt, deny(image.error())};
  if (admitted_digest_in(asked.object).empty()) return {};
  auto cache = cache_of(asked);
  bool left_to_leader = !cache.pull_secrets.empty() && !sender.proven;
  auto pinned = digest::parse(admitted_digest_in(asked.object));
  if (left_to_leader || !pinned || (!image->pinned.empty() && image->pinned != *pinned))
    return {std::nullopt, deny({errc::unauthorized,
                                "the annotation gkm.io/resolvedDigest is not what GKM wrote: "
                                "another webhook changed it, or GKM's was not called",
                                {}})};
  image->pinned = *pinned;
  cache.image = image->str();
  return {std::move(cache), {}};
}

admission_decision confirm(const admission_request& asked, const result<digest>& resolved) {
  return resolved ? admission_decision{} : unresolved(asked, resolved.error());
}

}  // namespace gkm::op
