#include "k8s/watcher.hpp"

#include "k8s/watching.hpp"

namespace gkm::k8s {

watcher::watcher(client& from, const resource& what, watch_options options,
                 watch_callbacks callbacks)
    : watching_(std::make_shared<watching>(from.connection_, what, std::move(options),
                                           std::move(callbacks))) {
  from.after(std::chrono::milliseconds{0}, [w = watching_] { w->begin(); });
}

watcher::~watcher() { stop(); }

void watcher::stop() { watching_->stop(); }

object watcher::find(const object_key& key) const { return watching_->find(key); }

std::vector<object> watcher::all() const { return watching_->all(); }

bool watcher::has_synced() const { return watching_->has_synced(); }

}  // namespace gkm::k8s
