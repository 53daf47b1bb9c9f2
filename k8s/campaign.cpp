#include "k8s/campaign.hpp"

#include "base/log.hpp"
#include "k8s/patch.hpp"
#include "k8s/time.hpp"

namespace gkm::k8s {
namespace {

using lock = std::lock_guard<std::recursive_mutex>;
using std::chrono::milliseconds;

constexpr int64_t longest_lease_s = 3'600;  // whatever somebody wrote into it

std::string_view holder_of(const object& lease) { return lease.text({"spec", "holderIdentity"}); }

int64_t seconds_of(milliseconds time) {
  return std::max<int64_t>(std::chrono::ceil<std::chrono::seconds>(time).count(), 1);
}

}  // namespace

leader_election::campaign::campaign(client& from, lease_options options, lease_callbacks callbacks)
    : from_(from), options_(std::move(options)), callbacks_(std::move(callbacks)) {}

void leader_election::campaign::begin() {
  watch_options options;
  options.which = {options_.lease.ns, "", "metadata.name=" + options_.lease.name};
  options.first_pause = options_.retry / 4;
  options.longest_pause = options_.retry;
  auto weak = weak_from_this();
  auto self = [weak](auto f) {
    if (auto c = weak.lock()) f(*c);
  };
  watch_callbacks heard;
  heard.changed = [self](const object& o) { self([&](auto& c) { c.seen(o); }); };
  heard.deleted = [self](const gone_object&) { self([](auto& c) { c.seen_gone(); }); };
  heard.synced = [self] {
    self([](auto& c) {
      lock held(c.mutex_);
      c.known_ = true;
      c.consider();
    });
  };
  lock held(mutex_);
  watcher_ = std::make_unique<watcher>(from_, leases, options, heard);
}

bool leader_election::campaign::leads() const {
  lock held(mutex_);
  // True for no longer than it is certain, even if the thread that would say so is held up.
  return leads_ && clock::now() < renewed_at_ + options_.renew_deadline;
}

void leader_election::campaign::seen(const object& lease) {
  lock held(mutex_);
  if (stopped_) return;
  // Our own writes are answered, and their echoes may be older than what was answered.
  if (lease.resource_version() == lease_.resource_version()) return;
  if (leads_ && holder_of(lease) == options_.identity) return;
  lease_ = lease;
  changed_at_ = clock::now();
  known_ = true;
  if (leads_) lose("'" + std::string(holder_of(lease)) + "' holds the lease now");
  consider();
}

void leader_election::campaign::seen_gone() {
  lock held(mutex_);
  if (stopped_) return;
  lease_ = {};
  if (leads_) lose("the lease was deleted");
  consider();
}

// How long the one who holds it may still count on it.
milliseconds leader_election::campaign::free_in() const {
  auto holder = holder_of(lease_);
  if (holder.empty() || holder == options_.identity) return milliseconds{0};
  auto said = lease_.integer({"spec", "leaseDurationSeconds"});
  milliseconds duration = said > 0 ? std::chrono::seconds{std::min(said, longest_lease_s)}
                                   : milliseconds{options_.duration};
  auto left = changed_at_ + duration - clock::now();
  return std::max(std::chrono::ceil<milliseconds>(left), milliseconds{0});
}

void leader_election::campaign::consider() {
  lock held(mutex_);
  if (stopped_ || leads_ || writing_ || !known_) return;
  if (auto wait = free_in(); wait.count() > 0) return later(wait, &campaign::consider);
  write(false);
}

std::string leader_election::campaign::body(bool resign) const {
  auto now = print_micro_time(now_unix_us());
  auto d = lease_ ? draft(lease_) : draft(leases, options_.lease);
  bool takes_over = holder_of(lease_) != options_.identity;
  d.set({"spec", "holderIdentity"}, resign ? std::string() : options_.identity);
  d.set({"spec", "leaseDurationSeconds"}, resign ? int64_t{1} : seconds_of(options_.duration));
  d.set({"spec", "renewTime"}, now);
  if (takes_over) {
    d.set({"spec", "acquireTime"}, now);
    auto before = lease_.integer({"spec", "leaseTransitions"});
    d.set({"spec", "leaseTransitions"}, lease_ ? before + 1 : before);
  }
  return d.print();
}

void leader_election::campaign::write(bool resign) {
  writing_ = true;
  auto reply = [weak = weak_from_this(), asked_at = clock::now(), resign](const auto& answered) {
    if (auto self = weak.lock()) self->written(answered, asked_at, resign);
  };
  // Only what was last seen is replaced: of two who try, one fails.
  if (lease_)
    from_.update(leases, options_.lease, body(resign), reply);
  else
    from_.create(leases, options_.lease.ns, body(resign), reply);
}

void leader_election::campaign::written(const result<object>& answered, clock::time_point asked_at,
                                        bool resigning) {
  lock held(mutex_);
  writing_ = false;
  if (answered) {
    lease_ = *answered;
    changed_at_ = clock::now();
  }
  if (resigning) {
    if (auto reply = std::exchange(on_resigned_, nullptr))
      reply(answered ? result<done>(done{}) : fail(answered.error()));
    return;
  }
  if (stopped_) return resign();
  if (answered) return renewed(asked_at);
  base::log::debug("the lease was not written", {{"cause", answered.error().message}});
  if (answered.error().code == errc::conflict) return look_again();
  if (!leads_) return later(options_.retry, &campaign::consider);
  later(options_.retry, &campaign::renew);
}

// Somebody was faster, or a write of ours worked whose answer was lost.
void leader_election::campaign::look_again() {
  writing_ = true;
  from_.get(leases, options_.lease, [weak = weak_from_this()](const result<object>& now) {
    auto self = weak.lock();
    if (!self) return;
    lock held(self->mutex_);
    self->writing_ = false;
    if (self->stopped_) return self->resign();
    if (now && self->leads_ && holder_of(*now) == self->options_.identity)
      self->lease_ = *now;
    else if (now)
      self->seen(*now);
    self->later(self->options_.retry, self->leads_ ? &campaign::renew : &campaign::consider);
  });
}

void leader_election::campaign::renewed(clock::time_point asked_at) {
  bool in_time = asked_at + options_.renew_deadline > clock::now();
  // So late, it may be another's already by the time that somebody acts on it.
  if (!in_time) return later(options_.retry, leads_ ? &campaign::renew : &campaign::consider);
  renewed_at_ = asked_at;
  later(options_.retry, &campaign::renew);
  auto deadline = renewed_at_ + options_.renew_deadline - clock::now();
  later(std::chrono::ceil<milliseconds>(deadline), &campaign::check_deadline);
  if (!std::exchange(leads_, true) && callbacks_.gained) callbacks_.gained();
}

void leader_election::campaign::renew() {
  lock held(mutex_);
  if (!stopped_ && leads_ && !writing_) write(false);
}

void leader_election::campaign::check_deadline() {
  lock held(mutex_);
  if (stopped_ || !leads_ || clock::now() < renewed_at_ + options_.renew_deadline) return;
  lose("the lease could not be renewed in time");
  later(options_.retry, &campaign::consider);
}

void leader_election::campaign::lose(const std::string& why) {
  if (std::exchange(leads_, false) && callbacks_.lost) callbacks_.lost(why);
}

void leader_election::campaign::stop(answer<done> reply) {
  // Without our lock: the watcher's may be held by a callback that waits for ours.
  watcher_->stop();
  lock held(mutex_);
  if (stopped_) return reply(done{});
  stopped_ = true;
  on_resigned_ = std::move(reply);
  lose("stopped");
  if (!writing_) resign();
}

void leader_election::campaign::resign() {
  if (!on_resigned_) return;
  if (lease_ && holder_of(lease_) == options_.identity) return write(true);
  std::exchange(on_resigned_, nullptr)(done{});
}

void leader_election::campaign::abandon() {
  watcher_->stop();
  lock held(mutex_);
  stopped_ = true;
  leads_ = false;
}

void leader_election::campaign::later(milliseconds pause, void (campaign::*step)()) {
  from_.after(pause, [weak = weak_from_this(), step] {
    if (auto self = weak.lock()) ((*self).*step)();
  });
}

}  // namespace gkm::k8s
