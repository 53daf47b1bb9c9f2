#include "actors/node/cache.hpp"
#include "base/backoff.hpp"
#include "base/program/log.hpp"

namespace gkm::node {
namespace log = base::log;
namespace {

constexpr std::chrono::seconds store_limit{60};

}  // namespace

/// The error on disk is of an earlier try: a mount that waits for this one must not be failed with
/// its reason. What is known of the digest stays.
void cache_actor_state::announce() {
  auto pending = *asked_;
  pending.image = status_.image;
  pending.state = cache_state::pending;
  pending.reason.clear();
  pending.code = errc::none;
  write(
      pending, [](const std::string&) {},
      [this](const error& e) {
        log::warn("Cannot record new try", {{"cache", ref_.str()}, {"error", e.message}});
      });
}

/// For those who ask the catalog why there is no cache. What the record before named is let go of
/// only when this one is on disk.
void cache_actor_state::remember(const catalog_record& failure) {
  write(
      failure,
      [this](const std::string&) {
        if (!busy_) release_claims();
      },
      [this, failure, epoch = epoch_](const error& e) {
        log::warn("Cannot record failure", {{"cache", ref_.str()}, {"error", e.message}});
        auto pause = base::pause_after({errc::io, {}, {}}, failures_, chance_());
        self_->delayed_send(self_, pause.value_or(base::longest_pause), run_atom_v,
                            continuation{[this, failure, epoch] {
                              if (epoch == epoch_ && !busy_) remember(failure);
                            }});
      });
}

/// What is served stays on record, with why the image that is wanted by now is not: pods that get
/// it are told.
void cache_actor_state::remember_beside(const std::string& why) {
  auto still = *record_;
  still.reason = why;
  if (asked_ != still) remember(still);
}

/// Whoever still waits for the answer: `record_` follows the disk. Writes keep their order, their
/// answers need not.
void cache_actor_state::write(const catalog_record& r, std::function<void(const std::string&)> then,
                              std::function<void(error)> otherwise) {
  asked_ = r;
  auto turn = ++writes_;
  if (r.state == cache_state::extracted) recording_.insert(r.manifest);
  gkm::ask(self_, peers_.store, store_limit, write_record_atom_v, r)
      .then(
          [this, r, turn, then = std::move(then)](const std::string& path) {
            recording_.erase(r.manifest);
            if (turn < written_) return;
            written_ = turn;
            record_ = r;
            then(path);
          },
          [this, r, turn, otherwise = std::move(otherwise)](const caf::error& e) {
            recording_.erase(r.manifest);
            if (turn == writes_) asked_ = record_;
            otherwise(from_caf(e));
          });
}

void cache_actor_state::forget() {
  gkm::ask(self_, peers_.store, store_limit, forget_atom_v, ref_)
      .then(
          [this](bool) {
            self_->send(peers_.store, release_atom_v, ref_);
            self_->send(peers_.reporter, retract_atom_v, ref_);
            self_->quit();
          },
          [this](const caf::error& e) {
            log::warn("Cannot forget cache",
                      {{"cache", ref_.str()}, {"error", from_caf(e).message}});
            auto pause = base::pause_after({errc::io, {}, {}}, ++failures_, chance_());
            self_->delayed_send(self_, pause.value_or(base::longest_pause), run_atom_v,
                                continuation{[this] { forget(); }});
          });
}

}  // namespace gkm::node
