/// A pretended registry with one image, whose faults each test chooses.
#pragma once

#include "base/sha256.hpp"
#include "images.hpp"
#include "net/http.hpp"
#include "oci/registry/registry.hpp"
#include "tests/support/registry/fault_server.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <string>

namespace gkm::oci::test {

using support::fault_server;
using support::reply;
using support::seen_request;

/// Big enough to come in several blocks, different everywhere.
inline std::string big_text(size_t bytes) {
  std::string out;
  for (uint64_t n = 0; out.size() < bytes; ++n) out += std::to_string(n * 7919) + ' ';
  out.resize(bytes);
  return out;
}

inline reply with_status(int status, const std::string& body = "") {
  reply r;
  r.status = status;
  r.body = body;
  return r;
}

class registry_test : public testing::Test {
protected:
  registry_options quick() {
    registry_options options;
    options.first_retry_delay = std::chrono::milliseconds{1};
    options.max_retry_delay = std::chrono::milliseconds{1'000};
    return options;
  }
  image_ref ref_to(const fault_server& server, const std::string& suffix = ":t") {
    return *image_ref::parse(server.authority() + "/gkm/x" + suffix);
  }
  descriptor layer() const { return {layer_type, base::sha256::of(layer_), layer_.size(), {}}; }
  std::string layer_path() const { return "/v2/gkm/x/blobs/" + base::sha256::of(layer_).str(); }
  const std::string manifest_path_ = "/v2/gkm/x/manifests/t";

  /// The whole server without a fault.
  reply serve(const seen_request& r) {
    if (r.path() == manifest_path_ || r.path() == "/v2/gkm/x/manifests/" + digest_) {
      auto out = with_status(200, manifest_);
      out.headers = {{"Content-Type", manifest_type + "; charset=utf-8"},
                     {"Docker-Content-Digest", digest_}};
      return out;
    }
    if (r.path() == layer_path()) return serve_range(r, layer_);
    return with_status(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]})");
  }
  reply serve_range(const seen_request& r, const std::string& bytes) {
    auto range = r.header("range");
    if (range.empty()) return with_status(200, bytes);
    auto first = std::stoul(range.substr(range.find('=') + 1));
    auto out = with_status(206, bytes.substr(first));
    out.headers = {{"Content-Range", "bytes " + std::to_string(first) + "-" +
                                         std::to_string(bytes.size() - 1) + "/" +
                                         std::to_string(bytes.size())}};
    return out;
  }

  result<fetched_manifest> manifest(const fault_server& server, credential_store who = {}) {
    return make_source(http_, std::move(who), quick())->manifest(ref_to(server), {});
  }
  result<std::string> blob(const fault_server& server, credential_store who = {},
                           std::stop_token stop = {}) {
    auto from = make_source(http_, std::move(who), quick());
    return read_blob(*from, ref_to(server), layer(), 64 << 20, stop);
  }

  const std::string layer_ = big_text(1'500'000);
  const std::string manifest_ = manifest_json("{}", layer_);
  const std::string digest_ = base::sha256::of(manifest_).str();
  net::engine http_;
};

}  // namespace gkm::oci::test
