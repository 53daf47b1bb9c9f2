/// How a cluster reaches registries of its own: what gkm-config lists and a ConfigMap of
/// certificates holds, followed while programs run.
#pragma once

#include "messages/errors.hpp"
#include "oci/registry/registry.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::base {
class directory_watch;
class setting_file;
}  // namespace gkm::base

namespace gkm::oci {

struct registry_settings {
  /// "host" or "host:port": may speak plain HTTP, and lie on this machine or its link.
  std::vector<std::string> plain_http_hosts;
  std::string ca_file;  ///< trusted beside the system's own; empty: none

  bool operator==(const registry_settings&) const = default;
};

/// The key in gkm-config, a list of hosts; the key in the ConfigMap gkm-registry-ca, and so the
/// file where that is mounted.
inline constexpr const char* plain_http_key = "gkm.registry.plain-http";
inline constexpr const char* registry_ca_key = "ca.crt";

/// Hosts between commas or white space. errc::invalid_argument names the one that is none.
result<std::vector<std::string>> parse_registry_hosts(std::string_view text);

/// What the flags say, and beside it what the settings say now.
class followed_registries {
public:
  /// Called from the thread of a watch, or of `take_hosts`, after each change.
  using listener = std::function<void(const registry_settings&)>;

  /// `config_dir`: gkm-config as a folder, `ca_dir`: gkm-registry-ca as one; empty: neither is
  /// followed here. Neither need be there yet.
  followed_registries(registry_settings by_flag, const std::filesystem::path& config_dir,
                      std::filesystem::path ca_dir, listener tell);
  ~followed_registries();
  followed_registries(const followed_registries&) = delete;
  followed_registries& operator=(const followed_registries&) = delete;

  /// The value of `plain_http_key`, for who has gkm-config from elsewhere; errc::not_found: it is
  /// not there. A value that cannot be used changes nothing, and the log says why.
  void take_hosts(const result<std::string>& value);
  registry_settings now() const;

private:
  void look_for_authorities();

  const registry_settings by_flag_;
  const std::filesystem::path ca_dir_;
  const listener tell_;
  mutable std::mutex mutex_;
  std::vector<std::string> hosts_;
  std::string authorities_;  ///< what is in the file; empty: nothing that can be used
  std::unique_ptr<base::setting_file> config_watch_;
  std::unique_ptr<base::directory_watch> ca_watch_;
};

/// As make_registry_source, for a program in a cluster: where a registry is refused for what
/// speaks plain HTTP or shows an unknown certificate, the error names the setting that helps.
std::unique_ptr<source> make_cluster_source(net::engine& http, credential_store credentials,
                                            registry_options options);

}  // namespace gkm::oci
