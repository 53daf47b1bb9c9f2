/// One call of a client, which no thread waits for: an actor's answer ends it, or the client's
/// going away does, whichever comes first.
#pragma once

#include "messages/actors.hpp"

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>

namespace gkm::csi {

class call final : public grpc::ServerUnaryReactor {
public:
  /// Lives until gRPC has done with it and nobody holds it any more.
  static std::shared_ptr<call> begin();

  /// Ends the call. `fill` writes the response; it is not called if the client has gone, for then
  /// there is nothing left to write to.
  void succeed(const std::function<void()>& fill);
  void fail(const error& e);

private:
  call() = default;
  void OnCancel() override;
  void OnDone() override;
  bool is_first();

  std::atomic<bool> ended_ = false;
  std::shared_ptr<call> self_;
};

/// How long a client waits for its answer, at most `limit`.
std::chrono::seconds patience(const grpc::CallbackServerContext& context,
                              std::chrono::seconds limit);

/// Asks the volumes actor. One of the two is called, on an actor's thread; what was asked for is
/// done to its end whether the client is still there or not.
template <class Answer, class OnAnswer, class OnError, class... Message>
void ask_volumes(caf::actor_system& system, const volumes_actor& volumes,
                 std::chrono::seconds limit, OnAnswer on_answer, OnError on_error,
                 Message... message) {
  system.spawn<caf::hidden>([=](caf::event_based_actor* self) {
    ask(self, volumes, limit, message...)
        .then([on_answer](const Answer& answer) { on_answer(answer); },
              [on_error](const caf::error& e) { on_error(from_caf(e)); });
  });
}

}  // namespace gkm::csi
