#include "actors/csi/services/call.hpp"

#include "actors/csi/services/status.hpp"

#include <algorithm>

namespace gkm::csi {

std::shared_ptr<call> call::begin() {
  std::shared_ptr<call> one(new call);
  one->self_ = one;
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

void call::OnDone() { auto last = std::move(self_); }

std::chrono::seconds patience(const grpc::CallbackServerContext& context,
                              std::chrono::seconds limit) {
  using std::chrono::ceil;
  using std::chrono::seconds;
  auto left = context.deadline() - std::chrono::system_clock::now();
  return std::clamp(ceil<seconds>(left), seconds(1), limit);
}

}  // namespace gkm::csi
