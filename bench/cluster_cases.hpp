/// What bench-cluster measures, case by case. Every round has an image that nobody has seen, and an
/// object that had been left alone for more than a second.
#pragma once

#include "audit_log.hpp"
#include "cluster_rig.hpp"
#include "figures.hpp"

#include <map>
#include <string>

namespace gkm::bench {

/// Hands out images, each tag once: the registry has so many of each name.
class fresh_images {
public:
  explicit fresh_images(int tags) : tags_(tags) {}
  std::string next(const cluster_rig& rig, const std::string& name);

private:
  const int tags_;
  std::map<std::string, int> used_;
};

struct bench_context {
  cluster_rig& rig;
  fresh_images& images;
  audit_log& audit;
  samples& out;
  int rounds;
};

/// Label, image and the address of its only layer, for the peer; empty: no peer.
struct latency_case {
  std::string label;
  std::string image;
  std::string layer;
};

/// From `kubectl apply` to the node's report and the cache's status, one round unmeasured;
/// requests; `curl | tar` of the same layer beside it.
void measure_latency(const bench_context& in, const latency_case& what);
/// The same for the first cache of a namespace, whose report is made on the way.
void measure_first(const bench_context& in, const latency_case& what);
/// What the API server waited for the webhooks, by its own account.
void measure_admission(const bench_context& in);
/// From a pod's mount, by gkm-csi, to its being counted in the cache's status, and back.
void measure_pods(const bench_context& in);
/// Ten caches, and nothing happens.
void measure_idle(const bench_context& in, std::chrono::seconds length);

}  // namespace gkm::bench
