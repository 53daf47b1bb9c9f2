/// GKM's own kinds, between the API's JSON and the values of messages/.
#pragma once

#include "k8s/objects/object.hpp"
#include "messages/cache_object.hpp"
#include "messages/node_report.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gkm::k8s {

inline constexpr std::string_view kyverno_annotation = "kyverno.io/verify-images";
inline constexpr std::string_view signature_format_label = "gkm.io/signature-format";
inline constexpr std::string_view hostname_label = "kubernetes.io/hostname";

/// Hostile input is an error that names the field, or is cut; never more than the limits in
/// type_limits.hpp is kept. `errc::malformed`, `errc::limit_exceeded`.
result<cache_object> parse_cache(const object& o);
result<node_report> parse_node_report(const object& o);

/// Merge patches for /status that make `wanted` of `seen` and touch no field but ours; nothing if
/// there is nothing to change.
std::optional<std::string> status_patch(const cache_object_status& seen,
                                        const cache_object_status& wanted);
std::optional<std::string> status_patch(const node_report& seen, const node_report& wanted);

/// A report to be created: no status, which only /status takes. `node` owns it.
std::string new_node_report(const node_report& report, const owner_reference& node);

}  // namespace gkm::k8s
