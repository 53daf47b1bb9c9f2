/// `docker-credential-<name> get`: an outside program that keeps passwords.
#pragma once

#include "oci/registry/credentials.hpp"

#include <optional>
#include <string>

namespace gkm::oci {

/// Runs the helper (found in PATH, no shell) and waits for it, but not for long. Nothing if
/// it knows no credentials for `server`; errc::not_found if there is no such program. Errors never
/// contain what it printed on standard output, as that may be a secret.
result<std::optional<credential>> ask_credential_helper(const std::string& name,
                                                        const std::string& server);

/// "desktop", "ecr-login": what may stand behind "docker-credential-".
bool is_helper_name(std::string_view name);

}  // namespace gkm::oci
