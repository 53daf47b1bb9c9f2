/// Who we are to a registry: Docker's config.json and its kin.
#pragma once

#include "messages/errors.hpp"
#include "messages/image_ref.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::oci {

struct credential {
  std::string username;
  std::string password;
  std::string identity_token;  ///< an OAuth2 refresh token, instead of a password

  bool operator==(const credential&) const = default;
};

/// The parsed contents of one config.json (`auths`, `credHelpers`, `credsStore`; also the older
/// form that has the entries of `auths` at the top). A credential helper is run only when a host
/// needs it, with a time limit; if it knows nothing, what `auths` has counts.
class credential_store {
public:
  credential_store() = default;

  /// `errc::invalid_argument` names the field; passwords never appear in an error. An entry that is
  /// broken is an error only of `find` for the hosts that it is about.
  static result<credential_store> parse(std::string_view config_json);
  /// The same for a pull secret, which is no configuration of ours: the helpers that it names are
  /// programs, and are not run.
  static result<credential_store> parse_pull_secret(std::string_view config_json);
  /// $DOCKER_CONFIG/config.json, $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json
  /// (without that variable /run/containers/<uid>/auth.json), ~/.config/containers/auth.json, then
  /// ~/.docker/config.json: the first that exists and may be read. None, or one without a byte, is
  /// an empty store; a broken one is an error.
  static result<credential_store> from_environment();
  static result<credential_store> from_file(const std::filesystem::path& file);

  /// The same place read again, as it may say something else by now; this very store if it cannot
  /// be read, or came from no file.
  credential_store read_again() const;

  /// Takes over the logins of another for what there is none yet, but no helpers: those are
  /// programs of this machine, and the other may be anybody's text.
  void add_logins(const credential_store& other);

  /// The longest path match wins: "quay.io/gkm/x", then "quay.io/gkm", then "quay.io". A helper
  /// that is not installed knows nothing.
  result<std::optional<credential>> find(const image_ref& ref) const;
  /// The helper that `find` asks first, as "docker-credential-<name>"; empty: none. For errors.
  std::string helper_for(const image_ref& ref) const;

  /// The file this was read from, or where one would be looked for last; empty if neither. For
  /// errors.
  const std::string& origin() const { return origin_; }

private:
  std::string origin_;
  bool searched_ = false;  ///< by `from_environment`
  std::map<std::string, credential> auths_;
  std::map<std::string, error> broken_;         ///< entries that cannot be used; "" is credsStore
  std::map<std::string, std::string> helpers_;  ///< host → helper suffix
  std::string default_helper_;
};

}  // namespace gkm::oci
