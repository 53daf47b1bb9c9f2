/// What proves to the API server who we are, kept fresh. Of the client's thread alone, but for the
/// plugin, which runs on a thread of its own.
#pragma once

#include "base/worker_pool.hpp"
#include "k8s/config.hpp"
#include "messages/answer.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gkm::k8s {

struct proof {
  std::string authorization;  ///< a header's whole value
  std::string client_cert_pem;
  std::string client_key_pem;
  std::optional<int64_t> expires_unix_s{};
};
using proof_ptr = std::shared_ptr<const proof>;

class credentials {
public:
  /// `later` runs a job on the client's thread, from any thread.
  credentials(const config& of, std::function<void(std::function<void()>)> later);

  /// Answers at once, but for a plugin that has to run. A token file is read again when what was
  /// read is a minute old.
  void get(answer<proof_ptr> reply);
  /// The server did not accept it: the next `get` looks for another one. False: there is no other.
  bool refused(const proof_ptr& which);

private:
  result<proof_ptr> from_file();
  void run_plugin();
  void keep(result<proof> made);

  const config config_;
  const std::function<void(std::function<void()>)> later_;
  proof_ptr current_;
  std::chrono::steady_clock::time_point read_at_{};
  std::vector<answer<proof_ptr>> waiting_;  ///< for the plugin
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  base::worker_pool plugin_thread_{1};
};

/// What the plugin says. `errc::unauthorized` names it, and how to install it if it is not there.
result<proof> ask_plugin(const config& of);

}  // namespace gkm::k8s
