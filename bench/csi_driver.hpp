/// A gkm-csi to measure: a store laid out for it, the process, and a client on its socket.
#pragma once

#include "messages/paths.hpp"

#include <csi.grpc.pb.h>
#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>

namespace gkm::bench {

/// Everything below `root`, in a mount namespace of this process's own.
class csi_driver {
public:
  /// With a store of its own, which holds one digest.
  csi_driver(std::string program, std::filesystem::path root);
  /// On the state directory of an agent.
  csi_driver(std::string program, std::filesystem::path root, paths where);
  ~csi_driver();
  csi_driver(const csi_driver&) = delete;
  csi_driver& operator=(const csi_driver&) = delete;

  /// Seconds from its start until it is ready.
  double start();
  void stop();
  pid_t pid() const { return pid_; }

  /// Makes default/NAME a cache that is ready: the one digest that the store holds.
  void make_ready(const std::string& name) const;
  std::filesystem::path content() const;
  std::filesystem::path root() const { return root_; }

  csi::v1::Node::Stub& node() const { return *node_; }
  csi::v1::Identity::Stub& identity() const { return *identity_; }
  csi::v1::NodePublishVolumeRequest publish_request(const std::string& volume,
                                                    const cache_ref& cache) const;
  /// Seconds that the call took. An error is one of `die`.
  double publish(const std::string& volume, const cache_ref& cache = {"default", "c"}) const;
  double unpublish(const std::string& volume) const;
  double probe() const;

private:
  std::string target(const std::string& volume) const;
  void connect();

  std::string program_;
  std::filesystem::path root_;
  paths where_;
  pid_t pid_ = -1;
  std::unique_ptr<csi::v1::Node::Stub> node_;
  std::unique_ptr<csi::v1::Identity::Stub> identity_;
};

}  // namespace gkm::bench
