/// The one file that knows which CAF generation this is (0.17 as Debian 12 ships it; 1.x later).
/// Actors, messages and errors are written in the shape of CAF 1.x on top of it.
#pragma once

#include "messages/answer.hpp"
#include "messages/errors.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <tuple>
#include <utility>

namespace gkm {

/// A message type: a plain struct that names itself and lists its fields.
template <class T>
concept listed = requires {
  T::type;
  T::fields();
};

template <class Inspector, listed T>
typename Inspector::result_type inspect(Inspector& f, T& x) {
  return std::apply([&](auto... field) { return f(caf::meta::type_name(T::type), x.*field...); },
                    T::fields());
}

/// handles<R, Args...> is one line of an actor's interface: R(Args...).
template <class R, class... Args>
struct signature {
  using type = typename caf::replies_to<Args...>::template with<R>;
};
template <class... Args>
struct signature<void, Args...> {
  using type = caf::reacts_to<Args...>;
};
template <class R, class... Args>
using handles = typename signature<R, Args...>::type;

/// A class-style actor: State(self, deps...) and State::make_behavior(), as actor_from_state
/// in 1.x. The state dies when the actor exits, not when the last handle goes.
template <class State, class Handle>
class hosted : public Handle::base {
public:
  template <class... Ts>
  explicit hosted(caf::actor_config& cfg, Ts&&... xs)
      : Handle::base(cfg),
        state_(std::make_unique<State>(typename Handle::pointer(this), std::forward<Ts>(xs)...)) {}

  typename Handle::behavior_type make_behavior() override { return state_->make_behavior(); }
  const char* name() const override { return State::name; }
  void on_exit() override { state_.reset(); }

private:
  std::unique_ptr<State> state_;
};

template <class State, class Spawner, class... Ts>
typename State::handle spawn(Spawner& host, Ts&&... xs) {
  return host.template spawn<hosted<State, typename State::handle>>(std::forward<Ts>(xs)...);
}

/// What `ask` returns: `then(on_answer, on_error)`, both always given.
template <class Self, class Response>
class question {
public:
  question(Self* self, Response response) : self_(self), response_(response) {}

  template <class OnAnswer, class OnError>
  void then(OnAnswer on_answer, OnError on_error) {
    using arguments = typename caf::detail::get_callable_trait<OnAnswer>::arg_types;
    using reply = std::decay_t<caf::detail::tl_head_t<arguments>>;
    // CAF 0.17 leaves the timer of an answered request running until it fires for nothing.
    auto take_back = [self = self_, id = response_.id()] {
      self->clock().cancel_request_timeout(self, id);
    };
    response_.then(
        [take_back, on_answer](const reply& r) {
          take_back();
          on_answer(r);
        },
        [take_back, on_error](const caf::error& e) {
          take_back();
          on_error(e);
        });
  }

private:
  Self* self_;
  Response response_;
};

/// Asks an actor, with a time limit after which the error is `caf::sec::request_timeout`.
template <class Self, class Handle, class... Ts>
auto ask(Self* self, const Handle& whom, std::chrono::seconds limit, Ts&&... message) {
  auto response = self->request(whom, limit, std::forward<Ts>(message)...);
  return question<Self, decltype(response)>(self, response);
}

/// Work that a port's answer leaves for the actor that asked: run by that actor, in its own turn.
struct continuation {
  std::function<void()> run;
};

/// Errors cross actors as (errc, text, seconds) and come back as they were.
caf::error to_caf(const error& e);
error from_caf(const caf::error& e);

/// Keeps a promise with what a port answered.
template <class T>
void settle(caf::typed_response_promise<T>& reply, const result<T>& outcome) {
  if (outcome)
    reply.deliver(*outcome);
  else
    reply.deliver(to_caf(outcome.error()));
}

/// CAF's options as GKM wants them: few threads, and none that spins, for a node pays for idling.
void configure(caf::actor_system_config& cfg, size_t threads);

}  // namespace gkm

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(gkm::continuation)
