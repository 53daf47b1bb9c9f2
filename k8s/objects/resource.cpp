#include "k8s/objects/resource.hpp"

namespace gkm::k8s {
namespace {

// What is no unreserved character of RFC 3986 could end the path segment that it stands in.
void append_segment(std::string& path, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view marks = "-._~:";
  path += '/';
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 marks.find(c) != std::string_view::npos;
    auto byte = static_cast<unsigned char>(c);
    if (plain)
      path += c;
    else
      (path += '%').append({digits[byte >> 4], digits[byte & 15]});
  }
}

}  // namespace

std::string resource::api_version() const {
  return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
}

std::string resource::collection(std::string_view ns) const {
  std::string path = group.empty() ? "/api" : "/apis";
  if (!group.empty()) append_segment(path, group);
  append_segment(path, version);
  if (namespaced && !ns.empty()) {
    path += "/namespaces";
    append_segment(path, ns);
  }
  append_segment(path, plural);
  return path;
}

std::string resource::path(const object_key& key, std::string_view subresource) const {
  auto path = collection(key.ns);
  append_segment(path, key.name);
  if (!subresource.empty()) append_segment(path, subresource);
  return path;
}

const resource& caches_like(const cache_ref& ref) {
  return ref.is_cluster() ? cluster_gkm_caches : gkm_caches;
}

const resource& reports_in(std::string_view ns) {
  return ns.empty() ? cluster_gkm_cache_nodes : gkm_cache_nodes;
}

object_key key_of(const cache_ref& ref) { return {ref.ns, ref.name}; }

}  // namespace gkm::k8s
