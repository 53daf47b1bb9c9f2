/// How a port's answer comes back: as a message to the actor that called the port, which it keeps
/// alive until then.
#pragma once

#include "messages/actors/interfaces.hpp"

namespace gkm {

/// An answer that runs `use` in the turn of `me`. A lambda given as `use` may hold the actor's
/// state.
template <class T, class Handle>
answer<T> here(Handle me, std::function<void(const result<T>&)> use) {
  return [me = std::move(me), use = std::move(use)](result<T> outcome) {
    caf::anon_send(me, run_atom_v,
                   continuation{[use, outcome = std::move(outcome)] { use(outcome); }});
  };
}

}  // namespace gkm
