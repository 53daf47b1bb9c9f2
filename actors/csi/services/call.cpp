#include "actors/csi/services/call.hpp"

#include "actors/csi/services/status.hpp"

#include <algorithm>
#include <thread>

namespace gkm::csi {
namespace {

constexpr std::chrono::milliseconds on_their_way{100};

}  // namespace

bool calls_in_flight::enter() {
  std::lock_guard lock(mutex_);
  if (closed_) return false;
  ++count_;
  return true;
}

void calls_in_flight::leave() {
  std::lock_guard lock(mutex_);
  if (--count_ == 0) left_.notify_all();
}

void calls_in_flight::close(std::chrono::seconds limit) {
  // Calls of connections that were just taken come in yet.
  std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(on_their_way, limit));
  std::unique_lock lock(mutex_);
  closed_ = true;
  left_.wait_for(lock, limit, [this] { return count_ == 0; });
}

std::shared_ptr<call> call::begin(std::shared_ptr<calls_in_flight> all) {
  bool taken = all->enter();
  std::shared_ptr<call> one(new call(taken ? std::move(all) : nullptr));
  one->self_ = one;
  if (!taken) one->fail({errc::unavailable, "gkm-csi is ending; try again", {}});
  return one;
}

bool call::is_first() { return !ended_.exchange(true); }

void call::succeed(const std::function<void()>& fill) {
  if (!is_first()) return;
  fill();
  Finish(grpc::Status::OK);
}

void call::fail(const error& e) {
  if (is_first()) Finish(to_status(e));
}

void call::OnCancel() {
  if (is_first()) Finish(grpc::Status::CANCELLED);
}

void call::OnDone() {
  if (all_) all_->leave();
  auto last = std::move(self_);
}

std::chrono::seconds patience(const grpc::CallbackServerContext& context,
                              std::chrono::seconds limit) {
  using std::chrono::ceil;
  using std::chrono::seconds;
  auto left = context.deadline() - std::chrono::system_clock::now();
  return std::clamp(ceil<seconds>(left), seconds(1), limit);
}

}  // namespace gkm::csi
