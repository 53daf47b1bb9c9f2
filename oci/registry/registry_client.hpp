/// One request to a registry, with all that stands between asking and the answer: which scheme, who
/// we are, what the status means. Shared by the source and the blobs that it streams.
#pragma once

#include "net/http.hpp"
#include "oci/registry/attempts.hpp"
#include "oci/registry/authorizer.hpp"
#include "oci/registry/endpoint.hpp"
#include "oci/registry/registry.hpp"

#include <memory>
#include <stop_token>
#include <string>

namespace gkm::oci {

struct question {
  image_ref ref;
  std::string path;            ///< behind "/v2/<repository>/": "manifests/latest"
  std::string accept;          ///< empty: anything
  uint64_t from_byte = 0;      ///< not zero: the rest from there, by `Range`
  bool first_byte = false;     ///< no more than that, by `Range`
  std::string method = "GET";  ///< or HEAD
  std::string subject;         ///< for errors: "image 'quay.io/gkm/x:tag'"
  std::string remedy;          ///< for a 404: "check the name and the tag"
};

class registry_client {
public:
  registry_client(net::engine& http, credential_store credentials, const registry_options& options);

  /// One attempt, though a 401 is answered within it. Succeeds with status 200 only; for a part of
  /// a body also with 206, and with `from_byte` with 416.
  attempt<std::unique_ptr<net::body_stream>> ask(const question& what, std::stop_token stop);

  const net::retry_policy& retries() const { return retries_; }

private:
  using stream = std::unique_ptr<net::body_stream>;

  attempt<stream> send(const question& what, const grant& as, std::stop_token stop);
  attempt<stream> send_undecided(const question& what, const std::vector<std::string>& bases,
                                 std::stop_token stop);
  result<stream> send_to(const std::string& base, const question& what,
                         const std::string& authorization, std::stop_token stop);
  failure refused(const question& what, const grant& as, net::body_stream& answer) const;

  net::engine& http_;
  const net::tls_config tls_;
  const net::retry_policy retries_;
  endpoints endpoints_;
  authorizer authorizer_;
};

}  // namespace gkm::oci
