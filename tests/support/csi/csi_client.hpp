/// Asks a gkm-csi as kubelet asks: by gRPC over its socket.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace gkm::support {

/// One pod's volume, as kubelet would publish it.
struct pod_volume {
  std::string id;
  std::string target;
  std::map<std::string, std::string> attributes;
  bool read_only = false;
};

struct csi_answer {
  int code = 0;  ///< gRPC's
  std::string message;

  bool ok() const { return code == 0; }
};

class csi_client {
public:
  explicit csi_client(const std::filesystem::path& endpoint);
  ~csi_client();

  bool is_ready();
  csi_answer publish(const pod_volume& v,
                     std::chrono::milliseconds limit = std::chrono::seconds(60));
  csi_answer unpublish(const pod_volume& v);

private:
  struct stub;
  std::unique_ptr<stub> stub_;
};

}  // namespace gkm::support
