/// How the operator and the agents find each other's pull secrets.
#pragma once

#include <string>
#include <string_view>

namespace gkm {

/// The namespace of the copies, unless a flag names another: "gkm-pull-secrets" for "gkm-system".
/// Agents may read all secrets there, so it holds nothing else.
std::string pull_secret_namespace(std::string_view own_ns);

/// The name there of the copy of a pull secret. No two secrets share one, and nobody can choose a
/// name so that they do.
std::string pull_secret_copy(std::string_view ns, std::string_view name);

/// On every copy, so that those that nobody needs any more can be found.
inline constexpr std::string_view pull_secret_label = "gkm.io/pull-secret";

}  // namespace gkm
