/// Waiting for what a client answers, in tests.
#pragma once

#include "k8s/client.hpp"

#include <future>
#include <memory>

namespace gkm::k8s {

/// `ask` is given the callback; the answer is returned.
template <class T, class F>
result<T> wait_for(F ask) {
  auto promise = std::make_shared<std::promise<result<T>>>();
  auto future = promise->get_future();
  ask([promise](result<T> r) { promise->set_value(std::move(r)); });
  return future.get();
}

inline config at(const std::string& url) {
  config c;
  c.server = url;
  return c;
}

inline std::string cache_json(const std::string& name, const std::string& image) {
  return R"({"apiVersion":"gkm.io/v1alpha1","kind":"GKMCache","metadata":{"name":")" + name +
         R"(","namespace":"ns"},"spec":{"image":")" + image + "\"}}";
}

inline std::string cache_path(const std::string& name) {
  return "/apis/gkm.io/v1alpha1/namespaces/ns/gkmcaches/" + name;
}

}  // namespace gkm::k8s
