/// What the catalog says of a cache, as a decision; and the records that come of it. Pure
/// functions.
#pragma once

#include "messages/volume.hpp"

#include <optional>
#include <string>
#include <variant>

namespace gkm::csi {

/// It can be mounted.
struct usable {
  catalog_record record;
};
/// It is on its way, or may be: a change is worth waiting for.
struct not_yet {
  std::string reason;  ///< for people
  bool known = true;   ///< there is a record of it; else nothing says that it will ever come
};
/// Waiting does not help.
struct hopeless {
  error why;
};
using mount_decision = std::variant<usable, not_yet, hopeless>;

/// A failure that is not permanent is tried again by the agent, so it counts as on its way. A
/// record that names another cache than the one looked up is not believed.
mount_decision decide_mount(const cache_ref& ref, const result<catalog_record>& found);

/// The volume record with which a view of `cache` begins.
volume_record intent_for(const publish_request& request, const catalog_record& cache);
/// The same for a pod that starts cold, with a note that says why.
volume_record empty_intent_for(const publish_request& request, const error& why);

/// True if the pod is better served with an empty view than with `why`: the cache is at fault, not
/// the request or its target.
bool may_fall_back(const publish_request& request, const error& why);

/// What its pod's events shall say of a volume with that problem, if it wrote too much.
std::optional<volume_note> note_of(const volume_record& record, const volume_stats& stats);

}  // namespace gkm::csi
