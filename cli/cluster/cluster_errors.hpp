/// Why a cluster could not be read, and what helps.
#pragma once

#include "messages/errors.hpp"

#include <string>

namespace gkm::k8s {
struct config;
struct resource;
}  // namespace gkm::k8s

namespace gkm::cli {

/// An API server's answer in words for whoever runs `kubectl gkm status`. `ns`: the namespace that
/// was asked for; empty: all.
error explain(const error& cause, const k8s::resource& what, const std::string& ns,
              const k8s::config& where);

/// Why things without a namespace are left out for whoever may not read them.
std::string note_of_forbidden(const k8s::resource& what);

/// The server said that this user may not, rather than not knowing who it is.
bool is_forbidden(const error& cause);

}  // namespace gkm::cli
