/// Which changes to a cache are let in, and what they need first. Pure: whoever asks carries the
/// `resolve` out and comes back with its outcome.
///
///   mutate:    new object, new image ──▶ resolve the image ──▶ pin its digest; a new object also
///                                           │                  gets the finalizer
///                                           └─ left to the leader ──▶ let in without a digest
///              annotation dropped    ──▶ put it back          anything else ──▶ let in
///   validate:  new object, new image ──▶ resolve the image at the pinned digest ──▶ let in
///              annotation changed    ──▶ deny                 anything else ──▶ let in
///
/// What is let in without `resolve` needs no registry: labels, finalizers and deletion always are.
///
/// Left to the leader, which resolves the image of the object that it then reads itself, is what
/// needs Secrets, unless the caller proved to be an API server: anybody may call, and say to be in
/// any namespace. So is what finds the resolver busy. An annotation that was there goes: it was a
/// user's, or of the image before.
#pragma once

#include "actors/operator/admission/admission_review.hpp"
#include "messages/cache_object.hpp"

#include <optional>
#include <string_view>

namespace gkm::op {

struct cache_verdict {
  std::optional<cache_object> resolve;  ///< decided only once its digest is known
  admission_decision decision;          ///< otherwise
};

/// Who sent a review.
struct review_sender {
  bool proven = false;             ///< certainly an API server
  std::string_view operator_user;  ///< whom GKM's own writes come from: they are let in as they are
};

cache_verdict review_mutation(const admission_request& asked, const review_sender& sender);
admission_decision admit_digest(const admission_request& asked, const result<digest>& resolved);

/// A tag may move between the two: what counts is that the pinned digest is in the repository that
/// the object names, readable with its own credentials.
cache_verdict review_validation(const admission_request& asked, const review_sender& sender);
admission_decision confirm(const admission_request& asked, const result<digest>& resolved);

}  // namespace gkm::op
