#include "actors/csi/mount.hpp"

#include "actors/csi/back_here.hpp"
#include "base/program/log.hpp"
#include "messages/assert.hpp"

namespace gkm::csi {
namespace log = base::log;
namespace {

error no_such_volume(const std::string& volume_id, const std::string& path) {
  return {errc::not_found, "Volume '" + volume_id + "' is not mounted at '" + path + "'", {}};
}

}  // namespace

mount_state::mount_state(mount_actor::pointer self, std::string volume_id, volume_ports ports,
                         bool waited)
    : self_(self), volume_id_(std::move(volume_id)), ports_(ports), waited_(waited) {}

mount_state::~mount_state() {
  auto gone = to_caf({errc::unavailable, "Volume '" + volume_id_ + "' was let go of midway", {}});
  if (current_) queue_.push_front(std::move(*current_));
  stop_.request_stop();
  for (auto& waiting : queue_) std::visit([&](auto& j) { j.reply.deliver(gone); }, waiting);
}

mount_actor::behavior_type mount_state::make_behavior() {
  return {
      [this](publish_atom, const publish_request& request) {
        last_publish_ = self_->clock().now();
        return enqueue<volume_record>(publish_job{request, {}});
      },
      [this](unpublish_atom, const std::string& target) { return unpublish(target); },
      [this](stats_atom, const std::string& path) {
        return enqueue<volume_stats>(stats_job{path, {}});
      },
      [this](ending_atom) { end_wait(); },
      [this](changed_atom, uint64_t epoch) { changed(epoch); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

template <class Answer, class Job>
caf::result<Answer> mount_state::enqueue(Job j) {
  if (queue_.size() >= waiting_requests_max)
    return to_caf(
        {errc::busy,
         std::to_string(queue_.size()) + " requests for volume '" + volume_id_ + "' wait already",
         {}});
  j.reply = self_->template make_response_promise<Answer>();
  auto reply = j.reply;
  queue_.push_back(std::move(j));
  begin_next();
  return reply;
}

caf::result<bool> mount_state::unpublish(const std::string& target) {
  auto reply = enqueue<bool>(unpublish_job{target, {}});
  const auto* publishing = current_ ? std::get_if<publish_job>(&*current_) : nullptr;
  if (!publishing || !is_leaving(publishing->request.target)) return reply;
  stop_.request_stop();
  if (watch_) cancel_wait();
  return reply;
}

bool mount_state::is_leaving(const std::string& target) const {
  return std::any_of(queue_.begin(), queue_.end(), [&](const job& j) {
    const auto* leaving = std::get_if<unpublish_job>(&j);
    return leaving && leaving->target == target;
  });
}

void mount_state::begin_next() {
  if (current_ || queue_.empty()) return;
  GKM_ASSERT(queue_.size() <= waiting_requests_max);
  current_ = std::move(queue_.front());
  queue_.pop_front();
  std::visit([this](const auto& j) { begin(j); }, *current_);
}

template <class Job, class Answer>
void mount_state::finish(const result<Answer>& outcome) {
  ++epoch_;
  GKM_ASSERT(current_ && std::holds_alternative<Job>(*current_));
  auto over = std::move(*std::exchange(current_, std::nullopt));
  settle(std::get<Job>(over).reply, outcome);
  begin_next();
}

void mount_state::published(const result<volume_record>& r) { finish<publish_job>(r); }
void mount_state::unpublished(const result<bool>& r) { finish<unpublish_job>(r); }
void mount_state::measured(const result<volume_stats>& r) { finish<stats_job>(r); }

// -- unpublish ------------------------------------------------------------------------------------

void mount_state::begin(const unpublish_job&) {
  ports_.volumes->read(volume_id_, back_here<volume_record>([this](result<volume_record> found) {
                         if (found) return unpublish_recorded(*found);
                         if (found.error().code == errc::not_found) return unpublish_unrecorded();
                         if (found.error().code == errc::malformed) return unpublish_unreadable();
                         unpublished(fail(found.error()));
                       }));
}

void mount_state::unpublish_recorded(const volume_record& found) {
  auto gone = [this] {
    log::info("Unmounted", {{"volume", volume_id_}, {"target", target()}});
    unpublished(true);
  };
  auto failed = [this](error e) { unpublished(fail(std::move(e))); };
  // The view is elsewhere, and its scratch is in use.
  if (found.target != target()) return remove_target(target(), gone, failed);
  bool was_mounted = found.phase == volume_phase::mounted;
  take_down(target(), gone, [=, this](error e) {
    if (e.code == errc::conflict && !was_mounted) return erase(gone, failed);
    failed(std::move(e));
  });
}

/// Nothing there is success, and so is what is not ours.
void mount_state::unpublish_unrecorded() {
  ports_.volumes->unmount(volume_id_, target(), back_here<done>([this](result<done> outcome) {
                            if (!outcome && outcome.error().code == errc::conflict)
                              return unpublished(true);
                            if (!outcome) return unpublished(fail(outcome.error()));
                            remove_target(
                                target(), [this] { unpublished(true); },
                                [this](error e) { unpublished(fail(std::move(e))); });
                          }));
}

/// kubelet says that the volume ends, whatever its record holds: what is held of it goes, then the
/// record.
void mount_state::unpublish_unreadable() {
  take_down(
      target(), [this] { unpublished(true); },
      [this](error e) { unpublished(fail(std::move(e))); });
}

void mount_state::take_down(const std::string& target, then gone, on_error failed) {
  auto unmounted = [=, this](const result<done>& outcome) {
    if (!outcome) return failed(outcome.error());
    remove_target(
        target, [=, this] { erase(gone, failed); }, failed);
  };
  ports_.volumes->unmount(volume_id_, target, back_here<done>(unmounted));
}

void mount_state::remove_target(const std::string& target, then gone, on_error failed) {
  ports_.volumes->remove_target(
      target, back_here<done>([=, this](const result<done>& outcome) {
        if (!outcome && outcome.error().code != errc::conflict) return failed(outcome.error());
        if (!outcome)
          log::warn(
              "Target is left to its owner",
              {{"volume", volume_id_}, {"target", target}, {"error", outcome.error().message}});
        gone();
      }));
}

void mount_state::erase(then gone, on_error failed) {
  ports_.volumes->erase(volume_id_, back_here<done>([=](const result<done>& outcome) {
                          if (outcome)
                            gone();
                          else
                            failed(outcome.error());
                        }));
}

// -- stats ----------------------------------------------------------------------------------------

void mount_state::begin(const stats_job& j) {
  auto found = [this, path = j.path](const result<volume_record>& record) {
    bool here = record && record->phase == volume_phase::mounted && record->target == path;
    bool absent = record || record.error().code == errc::not_found;
    if (!here) return measured(fail(absent ? no_such_volume(volume_id_, path) : record.error()));
    auto use = [this, record = *record](const result<volume_stats>& outcome) {
      auto note = outcome ? note_of(record, *outcome) : std::nullopt;
      if (!note) return measured(outcome);
      auto noted = record;
      noted.notes.push_back(*note);
      // The agent tells it; if that fails, the next measurement notes it again.
      ports_.volumes->write(
          noted, back_here<done>([this, outcome](const result<done>&) { measured(outcome); }));
    };
    ports_.volumes->measure(*record, back_here<volume_stats>(use));
  };
  ports_.volumes->read(volume_id_, back_here<volume_record>(found));
}

}  // namespace gkm::csi
