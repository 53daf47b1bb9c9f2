/// A client of a fake API server, and caches in it.
#pragma once

#include "k8s/client.hpp"
#include "tests/support/kube/fake_api.hpp"
#include "tests/support/kube/k8s_answers.hpp"

#include <string>

namespace gkm::k8s {

using support::wait_for;

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
