#include "k8s/lease.hpp"

#include "base/program/log.hpp"
#include "k8s/objects/patch.hpp"
#include "k8s/objects/time.hpp"
#include "k8s/watcher.hpp"

#include <mutex>

namespace gkm::k8s {

class leader_election::impl : public std::enable_shared_from_this<impl> {
public:
  impl(client& from, lease_options options, lease_callbacks callbacks);

  void begin();
  void stop(answer<done> reply);
  void abandon();
  bool leads() const;

private:
  using clock = std::chrono::steady_clock;

  void seen(const object& lease);
  void seen_gone();
  void consider();
  void write(bool resign);
  void written(const result<object>& answered, clock::time_point asked_at, bool resign);
  void look_again();
  void renewed(clock::time_point asked_at);
  void lose(const std::string& why);
  void resign();
  std::string body(bool resign) const;
  std::chrono::milliseconds free_in() const;
  void later(std::chrono::milliseconds pause, void (impl::*step)());
  void renew();
  void check_deadline();

  client& from_;
  const lease_options options_;
  const lease_callbacks callbacks_;

  /// Held while callbacks run; recursive, so that they may call `stop`.
  mutable std::recursive_mutex mutex_;
  std::unique_ptr<watcher> watcher_;
  bool known_ = false;  ///< `lease_` is what the server said, if only that there is none
  object lease_;        ///< none: there is none
  clock::time_point changed_at_{};  ///< when `lease_` was first seen to be so
  bool leads_ = false;
  clock::time_point renewed_at_{};  ///< when the last renewal that worked was asked for
  bool writing_ = false;
  bool stopped_ = false;
  answer<done> on_resigned_;
};

namespace {

using lock = std::lock_guard<std::recursive_mutex>;
using std::chrono::milliseconds;

constexpr int64_t longest_lease_s = 3'600;  // whatever somebody wrote into it

std::string_view holder_of(const object& lease) { return lease.text({"spec", "holderIdentity"}); }

int64_t seconds_of(milliseconds time) {
  return std::max<int64_t>(std::chrono::ceil<std::chrono::seconds>(time).count(), 1);
}

}  // namespace

leader_election::impl::impl(client& from, lease_options options, lease_callbacks callbacks)
    : from_(from), options_(std::move(options)), callbacks_(std::move(callbacks)) {}

void leader_election::impl::begin() {
  watch_options options;
  options.which = {options_.lease.ns, "", "metadata.name=" + options_.lease.name};
  options.first_pause = options_.retry / 4;
  options.longest_pause = options_.retry;
  auto weak = weak_from_this();
  auto self = [weak](auto f) {
    if (auto c = weak.lock()) f(*c);
  };
  watch_callbacks on_lease;
  on_lease.changed = [self](const object& o) { self([&](auto& c) { c.seen(o); }); };
  on_lease.deleted = [self](const gone_object&) { self([](auto& c) { c.seen_gone(); }); };
  on_lease.synced = [self] {
    self([](auto& c) {
      lock held(c.mutex_);
      c.known_ = true;
      c.consider();
    });
  };
  lock held(mutex_);
  watcher_ = std::make_unique<watcher>(from_, leases, options, on_lease);
}

bool leader_election::impl::leads() const {
  lock held(mutex_);
  // True for no longer than it is certain, even if the thread that would say so is held up.
  return leads_ && clock::now() < renewed_at_ + options_.renew_deadline;
}

void leader_election::impl::seen(const object& lease) {
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

void leader_election::impl::seen_gone() {
  lock held(mutex_);
  if (stopped_) return;
  lease_ = {};
  if (leads_) lose("the lease was deleted");
  consider();
}

// How long the one who holds it may still count on it.
milliseconds leader_election::impl::free_in() const {
  auto holder = holder_of(lease_);
  if (holder.empty() || holder == options_.identity) return milliseconds{0};
  auto said = lease_.integer({"spec", "leaseDurationSeconds"});
  milliseconds duration = said > 0 ? std::chrono::seconds{std::min(said, longest_lease_s)}
                                   : milliseconds{options_.duration};
  auto left = changed_at_ + duration - clock::now();
  return std::max(std::chrono::ceil<milliseconds>(left), milliseconds{0});
}

void leader_election::impl::consider() {
  lock held(mutex_);
  if (stopped_ || leads_ || writing_ || !known_) return;
  if (auto wait = free_in(); wait.count() > 0) return later(wait, &impl::consider);
  write(false);
}

std::string leader_election::impl::body(bool resign) const {
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

void leader_election::impl::write(bool resign) {
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

void leader_election::impl::written(const result<object>& answered, clock::time_point asked_at,
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
  if (!leads_) return later(options_.retry, &impl::consider);
  later(options_.retry, &impl::renew);
}

// Somebody was faster, or a write of ours worked whose answer was lost.
void leader_election::impl::look_again() {
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
    self->later(self->options_.retry, self->leads_ ? &impl::renew : &impl::consider);
  });
}

void leader_election::impl::renewed(clock::time_point asked_at) {
  bool in_time = asked_at + options_.renew_deadline > clock::now();
  // So late, it may be another's already by the time that somebody acts on it.
  if (!in_time) return later(options_.retry, leads_ ? &impl::renew : &impl::consider);
  renewed_at_ = asked_at;
  later(options_.retry, &impl::renew);
  auto deadline = renewed_at_ + options_.renew_deadline - clock::now();
  later(std::chrono::ceil<milliseconds>(deadline), &impl::check_deadline);
  if (!std::exchange(leads_, true) && callbacks_.gained) callbacks_.gained();
}

void leader_election::impl::renew() {
  lock held(mutex_);
  if (!stopped_ && leads_ && !writing_) write(false);
}

void leader_election::impl::check_deadline() {
  lock held(mutex_);
  if (stopped_ || !leads_ || clock::now() < renewed_at_ + options_.renew_deadline) return;
  lose("the lease could not be renewed in time");
  later(options_.retry, &impl::consider);
}

void leader_election::impl::lose(const std::string& why) {
  if (std::exchange(leads_, false) && callbacks_.lost) callbacks_.lost(why);
}

void leader_election::impl::stop(answer<done> reply) {
  // Without our lock: the watcher's may be held by a callback that waits for ours.
  watcher_->stop();
  lock held(mutex_);
  if (stopped_) return reply(done{});
  stopped_ = true;
  on_resigned_ = std::move(reply);
  lose("stopped");
  if (!writing_) resign();
}

void leader_election::impl::resign() {
  if (!on_resigned_) return;
  if (lease_ && holder_of(lease_) == options_.identity) return write(true);
  std::exchange(on_resigned_, nullptr)(done{});
}

void leader_election::impl::abandon() {
  watcher_->stop();
  lock held(mutex_);
  stopped_ = true;
  leads_ = false;
}

void leader_election::impl::later(milliseconds pause, void (impl::*step)()) {
  from_.after(pause, [weak = weak_from_this(), step] {
    if (auto self = weak.lock()) ((*self).*step)();
  });
}

result<std::unique_ptr<leader_election>> leader_election::start(client& from, lease_options options,
                                                                lease_callbacks callbacks) {
  bool ordered = options.retry.count() > 0 && options.retry < options.renew_deadline &&
                 options.renew_deadline < options.duration;
  if (!ordered)
    return fail(errc::invalid_argument,
                "lease times must be ordered: retry < renew deadline < duration");
  if (options.identity.empty()) return fail(errc::invalid_argument, "a lease needs an identity");
  auto c = std::make_shared<impl>(from, std::move(options), std::move(callbacks));
  c->begin();
  return std::unique_ptr<leader_election>(new leader_election(std::move(c)));
}

leader_election::leader_election(std::shared_ptr<impl> c) : impl_(std::move(c)) {}

leader_election::~leader_election() { impl_->abandon(); }

bool leader_election::leads() const { return impl_->leads(); }

void leader_election::stop(answer<done> reply) { impl_->stop(std::move(reply)); }

}  // namespace gkm::k8s
