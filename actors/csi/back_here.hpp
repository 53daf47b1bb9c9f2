/// How mount_state's two .cpp files bring a port's answer back into the actor's own turn.
#pragma once

#include "actors/csi/mount.hpp"

namespace gkm::csi {

template <class T>
answer<T> mount_state::back_here(std::function<void(result<T>)> use) {
  return [me = mount_actor(self_), this, epoch = epoch_, use = std::move(use)](result<T> outcome) {
    caf::anon_send(me, run_atom_v, continuation{[this, epoch, use, outcome = std::move(outcome)] {
                     if (epoch == epoch_) use(outcome);
                   }});
  };
}

}  // namespace gkm::csi
