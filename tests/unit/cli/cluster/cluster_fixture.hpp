/// A cluster as its objects say it is, made in a few words.
#pragma once

#include "cli/cluster/cluster_rows.hpp"

namespace gkm::cli {

inline digest digest_of(char c) { return digest{std::string(64, c)}; }

inline condition said(const std::string& name, const std::string& message = "",
                      const std::string& reason = "", int64_t since = 100) {
  return {name, condition_status::yes, reason.empty() ? name : reason, message, 1, since};
}

inline cache_object cache_of(const std::string& ns, const std::string& name, char wanted = 'a') {
  cache_object c;
  c.ref = {ns, name};
  c.image = "quay.io/gkm/" + name + ":v1";
  if (wanted != 0) c.status.resolved = digest_of(wanted);
  return c;
}

inline cache_object ready(cache_object c, condition_status status, const std::string& reason,
                          const std::string& message) {
  c.status.conditions.push_back({"Ready", status, reason, message, 1, 100});
  return c;
}

inline report_entry entry_of(const std::string& state, const std::vector<std::string>& pods = {},
                             const std::string& message = "") {
  report_entry e;
  e.conditions = {said(state, message)};
  e.compatible_gpus = {0, 1};
  e.volume_bytes = 2'048;
  for (const auto& p : pods) e.pods.push_back({"team", p, "csi-" + p});
  return e;
}

inline node_report report_of(const std::string& ns, const std::string& node,
                             std::map<std::string, node_entries> caches) {
  node_report r;
  r.ns = ns;
  r.name = r.node_name = node;
  r.caches = std::move(caches);
  return r;
}

}  // namespace gkm::cli
