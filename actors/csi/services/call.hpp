/// One call of a client, which no thread waits for: an actor's answer ends it, or the client's
/// going away does, whichever comes first.
#pragma once

#include "actors/csi/services/call_observer.hpp"
#include "messages/actors/interfaces.hpp"

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace gkm::csi {

/// The calls that are not answered yet, of all services. Any thread may call.
class calls_in_flight {
public:
  /// False once `close` was called: no more are taken.
  bool enter();
  void leave();
  /// Returns when there are none, or after `limit`.
  void close(std::chrono::seconds limit);

private:
  std::mutex mutex_;
  std::condition_variable left_;
  size_t count_ = 0;
  bool closed_ = false;
};

class call final : public grpc::ServerUnaryReactor {
public:
  /// Lives until gRPC has done with it and nobody holds it any more. While this process ends, it is
  /// answered at once and `is_open` is false.
  static std::shared_ptr<call> begin(std::shared_ptr<calls_in_flight> all);

  /// False if there is nobody left to answer.
  bool is_open() const { return !ended_; }
  /// Ends the call. `fill` writes the response; it is not called if the client has gone, for then
  /// there is nothing left to write to.
  void succeed(const std::function<void()>& fill);
  void fail(const error& e);

private:
  explicit call(std::shared_ptr<calls_in_flight> all) : all_(std::move(all)) {}
  void OnCancel() override;
  void OnDone() override;
  bool is_first();

  std::shared_ptr<calls_in_flight> all_;  ///< empty if it was not counted
  std::atomic<bool> ended_ = false;
  std::shared_ptr<call> self_;
};

/// How long a client waits for its answer, at most `limit`.
std::chrono::seconds patience(const grpc::CallbackServerContext& context,
                              std::chrono::seconds limit);

/// What every service stands on.
struct service_context {
  caf::actor_system& system;
  volumes_actor volumes;
  std::shared_ptr<calls_in_flight> calls;
  call_observer observe{};  ///< may be empty
};

/// Asks the volumes actor. One of the two is called, on an actor's thread; what was asked for is
/// done to its end whether the client is still there or not.
template <class Answer, class OnAnswer, class OnError, class... Message>
void ask_volumes(const service_context& from, std::chrono::seconds limit, OnAnswer on_answer,
                 OnError on_error, Message... message) {
  from.system.spawn<caf::hidden>([=, volumes = from.volumes](caf::event_based_actor* self) {
    ask(self, volumes, limit, message...)
        .then([on_answer](const Answer& answer) { on_answer(answer); },
              [on_error](const caf::error& e) { on_error(from_caf(e)); });
  });
}

}  // namespace gkm::csi
