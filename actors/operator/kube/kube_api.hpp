/// The ports of the operator, on the API server.
#pragma once

#include "actors/operator/metrics.hpp"
#include "actors/operator/ports.hpp"
#include "k8s/client.hpp"
#include "k8s/events.hpp"

#include <string>

namespace gkm::op {

class kube_api : public api_port {
public:
  /// All must outlive this.
  kube_api(k8s::client& client, k8s::event_recorder& events, metrics& counts)
      : client_(client), events_(events), metrics_(counts) {}

  void write_status(const cache_object& seen, const cache_object_status& wanted,
                    answer<cache_object> reply) override;
  void add_finalizer(const cache_object& seen, answer<cache_object> reply) override;
  void remove_finalizer(const cache_object& seen, answer<cache_object> reply) override;
  void read(const cache_ref& ref, answer<cache_object> reply) override;
  void read_pods(const cache_ref& ref, const std::vector<std::string>& nodes,
                 answer<std::vector<std::string>> reply) override;
  void record(const cache_object& about, const cache_event& event) override;
  void ensure_driver(answer<done> reply) override;

private:
  void write_finalizers(const cache_object& seen, const std::vector<std::string>& wanted,
                        answer<cache_object> reply);

  k8s::client& client_;
  k8s::event_recorder& events_;
  metrics& metrics_;
};

class kube_secrets : public secrets_port {
public:
  /// Copies are kept in `copies_ns`.
  kube_secrets(k8s::client& client, metrics& counts, std::string copies_ns)
      : client_(client), metrics_(counts), copies_ns_(std::move(copies_ns)) {}

  void read_login(const secret_ref& from, answer<registry_login> reply) override;
  void write_part(const secret_ref& of, const copied_part& part, const std::string& sealed,
                  answer<done> reply) override;
  void drop_part(const std::string& name, answer<done> reply) override;
  void list_parts(answer<std::vector<copied_part>> reply) override;

private:
  void apply_part(const std::string& name, const std::string& body, answer<done> reply);

  k8s::client& client_;
  metrics& metrics_;
  std::string copies_ns_;
};

}  // namespace gkm::op
