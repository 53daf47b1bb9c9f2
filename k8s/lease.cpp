#include "k8s/lease.hpp"

#include "k8s/campaign.hpp"

namespace gkm::k8s {

result<std::unique_ptr<leader_election>> leader_election::start(client& from, lease_options options,
                                                                lease_callbacks callbacks) {
  bool ordered = options.retry.count() > 0 && options.retry < options.renew_deadline &&
                 options.renew_deadline < options.duration;
  if (!ordered)
    return fail(errc::invalid_argument,
                "lease times must be ordered: retry < renew deadline < duration");
  if (options.identity.empty()) return fail(errc::invalid_argument, "a lease needs an identity");
  auto c = std::make_shared<campaign>(from, std::move(options), std::move(callbacks));
  c->begin();
  return std::unique_ptr<leader_election>(new leader_election(std::move(c)));
}

leader_election::leader_election(std::shared_ptr<campaign> c) : campaign_(std::move(c)) {}

leader_election::~leader_election() { campaign_->abandon(); }

bool leader_election::leads() const { return campaign_->leads(); }

void leader_election::stop(answer<done> reply) { campaign_->stop(std::move(reply)); }

}  // namespace gkm::k8s
