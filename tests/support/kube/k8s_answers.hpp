/// Waiting for what a client answers.
#pragma once

#include "k8s/client.hpp"

#include <future>
#include <memory>

namespace gkm::support {

/// `ask` is given the callback; the answer is returned.
template <class T, class F>
result<T> wait_for(F ask) {
  auto promise = std::make_shared<std::promise<result<T>>>();
  auto future = promise->get_future();
  ask([promise](result<T> r) { promise->set_value(std::move(r)); });
  return future.get();
}

}  // namespace gkm::support
