/// The limits of each program's parts, added up against the memory that its manifest gives it.
/// Those of gkm-csi, with its descriptors, are in unit/actors/csi/services/limits_test.cpp.
#include "actors/node/images/oci_images.hpp"
#include "actors/node/origins.hpp"
#include "actors/node/puller.hpp"
#include "actors/node/questions.hpp"
#include "actors/operator/admission/admission.hpp"
#include "actors/operator/admission/admission_review.hpp"
#include "actors/operator/admission/pod_admission.hpp"
#include "actors/operator/resolver/registry_resolver.hpp"
#include "actors/operator/served_caches.hpp"
#include "actors/operator/tls/webhook_server.hpp"
#include "messages/json/json_values.hpp"
#include "net/server/probe_server.hpp"
#include "oci/json_limits.hpp"
#include "oci/manifest.hpp"
#include "tests/support/build_tree.hpp"
#include "tests/support/kube/deployment.hpp"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace gkm {
namespace {

constexpr uint64_t mib = 1 << 20;

/// In bytes, of the container of that name.
uint64_t memory_limit(const std::string& file, const std::string& container) {
  for (const auto& object : YAML::LoadAllFromFile(support::source_tree() / "deploy/base" / file)) {
    if (!object["spec"] || !object["spec"]["template"]) continue;
    for (const auto& c : object["spec"]["template"]["spec"]["containers"]) {
      if (c["name"].as<std::string>() != container) continue;
      auto text = c["resources"]["limits"]["memory"].as<std::string>();
      EXPECT_TRUE(text.ends_with("Mi")) << text;
      return std::stoull(text) * mib;
    }
  }
  ADD_FAILURE() << file << " has no container " << container;
  return 0;
}

/// A JSON text and what is read from it: both are there while it is parsed.
constexpr uint64_t document(uint64_t text_bytes, uint64_t values) {
  return 2 * text_bytes + values * json::value_bytes * 2;
}

}  // namespace

TEST(limits, of_the_agents_parts_fit_its_memory) {
  constexpr uint64_t program = 32 * mib;  // with its reports, for hundreds of caches
  // A manifest is read before its config; the answer is small.
  constexpr uint64_t question = document(oci::max_manifest_bytes, oci::json::max_json_values);
  constexpr uint64_t lines = node::transfers_waiting_max * uint64_t{2 << 10} +
                             node::questions_waiting_max * uint64_t{2 << 10} +
                             node::origins_max * uint64_t{256};
  constexpr uint64_t probes = 2 * net::probe_connections_max * uint64_t{64 << 10};
  constexpr uint64_t all = program + lines + probes +
                           node::transfers_max * node::transfer_memory_max +
                           node::questions_max * question;
  EXPECT_LT(all, memory_limit("agent.yaml", "gkm-agent")) << all / mib << " MiB";
}

TEST(limits, of_the_operators_parts_fit_its_memory) {
  using namespace op;
  constexpr uint64_t program = 32 * mib;
  constexpr uint64_t bodies = webhook_connections_max.places * webhook_small_body_bytes +
                              webhook_large_bodies_max * webhook_body_bytes_max;
  constexpr uint64_t connections =
      (webhook_connections_max.places + webhook_newcomers_max) * uint64_t{96 << 10};
  // Large bodies are few; the other reviews at work are of small ones.
  constexpr uint64_t reviews =
      webhook_large_bodies_max * document(webhook_body_bytes_max, review_values_max) +
      (reviews_at_work_max - webhook_large_bodies_max) *
          document(webhook_small_body_bytes, webhook_small_body_bytes / 2) +
      reviews_at_work_max * 3 * pod_patch_bytes_max;
  constexpr uint64_t asked = (resolver_turns_max.places + unproven_turns_max.places) *
                             document(oci::max_manifest_bytes, resolver_manifest_values_max);
  constexpr uint64_t waiting = (resolver_turns_max.waiting + unproven_turns_max.waiting) * 1'024;
  constexpr uint64_t admission = program + bodies + connections + reviews + asked + waiting;
  constexpr uint64_t row = 110;
  constexpr uint64_t all = admission + uint64_t{rows_max} * row;
  EXPECT_LT(all, memory_limit("operator.yaml", "gkm-operator"))
      << admission / mib << " MiB and " << rows_max * row / mib << " MiB of rows";
}

}  // namespace gkm
