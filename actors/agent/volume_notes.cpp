#include "actors/agent/volume_notes.hpp"

namespace gkm::node {
namespace {

/// A record that is older belongs to a pod whose events have been posted.
constexpr int64_t posted_before_s = 600;

}  // namespace

void volume_notes::update(const std::vector<volume_record_change>& changes) {
  for (const auto& [key, record] : changes) {
    if (!record || record->phase != volume_phase::mounted) {
      posted_.erase(key);
      continue;
    }
    auto& posted = posted_[key];
    bool is_old = !listed_ && record->created_unix_s < clock_.unix_seconds() - posted_before_s;
    if (is_old) posted = record->notes.size();
    for (; posted < record->notes.size(); ++posted) post_(*record, record->notes[posted]);
  }
  listed_ = true;
}

}  // namespace gkm::node
