/// How mount_state's two .cpp files bring a port's answer back into the actor's own turn.
#pragma once

#include "actors/csi/mount.hpp"
#include "messages/actors/here.hpp"

namespace gkm::csi {

template <class T>
answer<T> mount_state::back_here(std::function<void(result<T>)> use) {
  return here<T>(mount_actor(self_),
                 [this, epoch = epoch_, use = std::move(use)](const auto& outcome) {
                   if (epoch == epoch_) use(outcome);
                 });
}

}  // namespace gkm::csi
