/// How the operator and the agents find each other's pull secrets.
///
/// All agents have one role, so each of them may read all copies; a copy is therefore sealed
/// (base/sealing.hpp) for the nodes that a cache which names the secret is to be on, and for no
/// other. Each agent publishes its public key as `status.pullSecretKey` of its own
/// ClusterGKMCacheNode, which no other node's agent can write. The sealed text is the Docker
/// configuration in the secret, its context the name of the part:
///
///   kind: Secret, type: gkm.io/sealed-pull-secret
///   metadata.name        pull_secret_part_name(pull_secret_copy(namespace, name), part)
///   metadata.annotations gkm.io/parts: how many parts this copy has
///   data.sealed          the sealed text
///
/// Part 0 is always there. A node reads it, and from `gkm.io/parts` learns in which part it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gkm {

/// The namespace of the copies, unless a flag names another: "gkm-pull-secrets" for "gkm-system".
/// Agents may read all secrets there, so it holds nothing else.
std::string pull_secret_namespace(std::string_view own_ns);

/// The name there of the copy of a pull secret. No two secrets share one, and nobody can choose a
/// name so that they do.
std::string pull_secret_copy(std::string_view ns, std::string_view name);

/// Nodes of one part of a copy, on the average; a part takes 64 bytes for each.
inline constexpr size_t pull_secret_part_nodes = 256;
inline constexpr size_t pull_secret_parts_max = 256;
/// Of the Docker configuration in a pull secret.
inline constexpr size_t pull_secret_bytes_max = 64UL * 1024;

/// Where a node stands among all: part i of n has those from i/n to (i+1)/n of 65,536.
uint16_t pull_secret_mark(std::string_view node);
inline size_t pull_secret_part_of(uint16_t mark, size_t parts) { return mark * parts >> 16U; }

std::string pull_secret_part_name(const std::string& copy, size_t part);

struct pull_secret_part {
  std::string copy;
  size_t part = 0;
};
/// Nothing if it is not the name of a part.
std::optional<pull_secret_part> parse_pull_secret_part(std::string_view name);

/// On every part, so that those that nobody needs any more can be found.
inline constexpr std::string_view pull_secret_label = "gkm.io/pull-secret";
inline constexpr std::string_view pull_secret_type = "gkm.io/sealed-pull-secret";
inline constexpr std::string_view pull_secret_parts_annotation = "gkm.io/parts";
inline constexpr std::string_view pull_secret_sealed_field = "sealed";

}  // namespace gkm
