/// The inventory's owner: answers who can use kernels, and tells the node when the GPUs change.
///
///   waiting ──inventory──▶ known ──inventory──▶ known
/// Until the first inventory is in, questions wait; a later one that cannot be read changes
/// nothing.
#pragma once

#include "actors/node/ports.hpp"
#include "messages/actors/interfaces.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gkm::node {

class gpu_state {
public:
  using handle = gpu_actor;
  static constexpr const char* name = "gpu";

  gpu_state(gpu_actor::pointer self, inventory_port& inventory);
  ~gpu_state();
  gpu_actor::behavior_type make_behavior();

private:
  struct question {
    std::vector<target> targets;
    caf::typed_response_promise<match_result> reply;
  };

  caf::result<match_result> match(std::vector<target> targets);
  void subscribe(gpu_listener_actor listener);
  void learned(result<std::vector<gpu>> seen);

  gpu_actor::pointer self_;
  inventory_port& inventory_;
  std::optional<std::vector<gpu>> gpus_;
  std::vector<question> waiting_;
  std::string problem_;  ///< why it could not be read the last time; empty if it could
  std::vector<gpu_listener_actor> listeners_;
};

}  // namespace gkm::node
