#include "actors/csi/arguments.hpp"

#include "messages/names.hpp"
#include "messages/printable.hpp"
#include "messages/quantity.hpp"

#include <algorithm>
#include <array>

namespace gkm::csi {
namespace {

using attributes = std::map<std::string, std::string>;

constexpr std::array own_attributes{attribute::cache,       attribute::ns,   attribute::wait,
                                    attribute::fallback,    attribute::view, attribute::mount_path,
                                    attribute::scratch_size};
constexpr size_t max_pod_uid_chars = 128;
constexpr size_t max_quoted_chars = 80;
constexpr size_t max_name_chars = 255;  ///< of any file system

/// Fit for a record: it reads back as it was written.
bool is_plain(std::string_view text) {
  bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  return !control && valid_utf8(text) == text;
}

const std::string* find(const attributes& from, const char* name) {
  auto it = from.find(name);
  return it == from.end() ? nullptr : &it->second;
}

std::string said(const char* name, std::string_view value) {
  return "Attribute '" + std::string(name) + "' is '" + printable(value, max_quoted_chars) + "': ";
}

tl::unexpected<error> wrong(const char* name, std::string_view value, const std::string& remedy) {
  return fail(errc::invalid_argument, said(name, value) + remedy);
}

/// A typo must not silently change what the pod gets.
result<void> check_known(const attributes& from, publish_request&) {
  for (const auto& [name, value] : from) {
    if (!name.starts_with(attribute::prefix)) continue;
    if (std::find(own_attributes.begin(), own_attributes.end(), name) != own_attributes.end())
      continue;
    std::string known;
    for (const auto* k : own_attributes) known += (known.empty() ? "" : ", ") + std::string(k);
    return fail(errc::invalid_argument, "Attribute '" + printable(name, max_quoted_chars) +
                                            "' is unknown; there are " + known);
  }
  return {};
}

result<void> check_ephemeral(const attributes& from, publish_request&) {
  const auto* ephemeral = find(from, attribute::ephemeral);
  if (ephemeral && *ephemeral != "true")
    return wrong(attribute::ephemeral, *ephemeral,
                 "only inline volumes of a pod (spec.volumes[].csi) are supported");
  return {};
}

result<void> take_pod(const attributes& from, publish_request& r) {
  constexpr auto some_name = "x";
  if (const auto* ns = find(from, attribute::pod_ns); ns && !ns->empty()) {
    if (auto ok = cache_ref::make(*ns, some_name); !ok)
      return wrap(ok.error(), "Attribute '" + std::string(attribute::pod_ns) + "'");
    r.pod_ns = *ns;
  }
  if (const auto* name = find(from, attribute::pod_name); name && !name->empty()) {
    if (auto ok = cache_ref::make("", *name); !ok)
      return wrap(ok.error(), "Attribute '" + std::string(attribute::pod_name) + "'");
    r.pod_name = *name;
  }
  if (const auto* uid = find(from, attribute::pod_uid)) {
    if (uid->size() > max_pod_uid_chars || !is_plain(*uid))
      return wrong(attribute::pod_uid, *uid, "a pod's uid is short and printable");
    r.pod_uid = *uid;
  }
  return {};
}

result<void> take_cache(const attributes& from, publish_request& r) {
  const auto* name = find(from, attribute::cache);
  if (!name)
    return fail(errc::invalid_argument, "Attribute '" + std::string(attribute::cache) +
                                            "' is missing: it names the cache to mount");
  const auto* ns = find(from, attribute::ns);
  if (ns && ns->empty())
    return wrong(attribute::ns, *ns,
                 "name the pod's own namespace, or leave it out for a ClusterGKMCache");
  auto ref = cache_ref::make(ns ? *ns : "", *name);
  if (!ref) return wrap(ref.error(), "Volume attributes name no cache");
  if (ns && r.pod_ns.empty())
    return fail(errc::invalid_argument,
                "Attribute '" + std::string(attribute::pod_ns) +
                    "' is missing, so nobody vouches for the pod's namespace: the CSIDriver object "
                    "needs podInfoOnMount: true");
  if (ns && *ns != r.pod_ns)
    return fail(errc::unauthorized,
                "Pod of namespace '" + r.pod_ns + "' may not use '" + ref->str() +
                    "': a GKMCache is for pods of its own namespace, a ClusterGKMCache for all");
  r.ref = *std::move(ref);
  return {};
}

result<void> take_view(const attributes& from, publish_request& r) {
  const auto* text = find(from, attribute::view);
  if (!text) return {};
  auto view = parse_view_kind(*text);
  if (!view || (*view != view_kind::overlay && *view != view_kind::copy))
    return wrong(attribute::view, *text,
                 "it must be 'overlay' or 'copy'; for one that cannot be written, set the volume's "
                 "readOnly: true");
  // A read-only view is an overlay, too, unless a copy is asked for: kubelet lets nobody write
  // there.
  if (*view == view_kind::copy || r.view != view_kind::readonly) r.view = *view;
  return {};
}

result<void> take_mount_path(const attributes& from, publish_request& r) {
  const auto* text = find(from, attribute::mount_path);
  if (!text) return {};
  std::string_view path = *text;
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  if (path == "/" || !is_normal_path(path) || !is_plain(path))
    return wrong(attribute::mount_path, *text,
                 "it must be the absolute path of the volumeMount, without '..', such as '/cache'");
  r.mount_path = path;
  return {};
}

result<void> take_scratch_size(const attributes& from, publish_request& r) {
  r.scratch_bytes = default_scratch_bytes;
  const auto* text = find(from, attribute::scratch_size);
  if (!text) return {};
  auto bytes = parse_bytes(*text);
  if (!bytes || *bytes == 0)
    return wrong(attribute::scratch_size, *text,
                 "it must be a whole quantity above zero, such as '512Mi', '10Gi' or '1G'");
  r.scratch_bytes = *bytes;
  return {};
}

result<void> take_wait(const attributes& from, publish_request& r) {
  r.wait_s = default_wait_s;
  const auto* text = find(from, attribute::wait);
  if (!text) return {};
  auto seconds = parse_seconds(*text);
  if (!seconds || *seconds > longest_wait_s)
    return wrong(attribute::wait, *text,
                 "it must be seconds or minutes, such as '30s' or '2m', and at most " +
                     std::to_string(longest_wait_s) + " seconds");
  r.wait_s = static_cast<uint32_t>(*seconds);
  return {};
}

result<void> take_fallback(const attributes& from, publish_request& r) {
  const auto* text = find(from, attribute::fallback);
  if (!text) return {};
  if (*text != "empty")
    return wrong(attribute::fallback, *text,
                 "it must be 'empty' (start cold without the cache), or be left out");
  r.fallback_empty = true;
  return {};
}

}  // namespace

result<publish_request> parse_publish(const std::string& volume_id, const std::string& target,
                                      const std::map<std::string, std::string>& context,
                                      bool read_only, const std::string& kubelet_root) {
  if (auto ok = check_volume_id(volume_id); !ok) return fail(ok.error());
  if (auto ok = check_target(target, kubelet_root); !ok) return fail(ok.error());
  publish_request r;
  r.volume_id = volume_id;
  r.target = target;
  r.view = read_only ? view_kind::readonly : view_kind::overlay;
  for (auto* step : {check_known, check_ephemeral, take_pod, take_cache, take_view, take_mount_path,
                     take_scratch_size, take_wait, take_fallback})
    if (auto ok = step(context, r); !ok) return fail(ok.error());
  return r;
}

result<void> check_volume_id(const std::string& volume_id) {
  if (volume_id.empty()) return fail(errc::invalid_argument, "Volume id is empty");
  if (volume_id.size() > max_volume_id_chars || !is_plain(volume_id))
    return fail(errc::invalid_argument,
                "Volume id '" + printable(volume_id, max_quoted_chars) + "' is no id: at most " +
                    std::to_string(max_volume_id_chars) + " printable characters");
  return {};
}

result<void> check_target(const std::string& target, const std::string& kubelet_root) {
  if (target.empty()) return fail(errc::invalid_argument, "Target path is empty");
  auto quoted = "Target path '" + printable(target, max_quoted_chars) + "'";
  if (!is_normal_path(target) || !is_plain(target))
    return fail(errc::invalid_argument,
                quoted + " must be absolute, without '..', '.', '//' or a slash at its end");
  for (size_t begin = 1; begin <= target.size();) {
    auto end = std::min(target.find('/', begin), target.size());
    if (end - begin > max_name_chars)
      return fail(errc::invalid_argument,
                  quoted + " has a part of more than " + std::to_string(max_name_chars) + " bytes");
    begin = end + 1;
  }
  std::string_view root = kubelet_root;
  while (root.ends_with('/')) root.remove_suffix(1);
  bool beneath =
      target.size() > root.size() + 1 && target.starts_with(root) && target[root.size()] == '/';
  if (!beneath)
    return fail(errc::invalid_argument,
                quoted + " is not beneath '" + kubelet_root +
                    "', which must be the root directory that kubelet uses (--kubelet-root)");
  return {};
}

}  // namespace gkm::csi
