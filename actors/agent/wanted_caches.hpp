/// Which of the cluster's caches this node is to have: from objects and the node's labels to what
/// the node actor is announced, each change once.
#pragma once

#include "messages/cache_object.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace gkm::node {

/// What the object has agents do; nothing if it is being deleted, or nobody judged its image. Of
/// the image only `status` counts. `own_ns` is where the pull secrets of caches without a namespace
/// are.
std::optional<cache_spec> spec_of(const cache_object& cache, const std::string& own_ns);

/// Of one thread alone.
class wanted_caches {
public:
  struct listener {
    std::function<void(const cache_spec&)> wanted;
    std::function<void(const cache_ref&)> unwanted;
  };

  wanted_caches(std::string own_ns, listener tell)
      : own_ns_(std::move(own_ns)), tell_(std::move(tell)) {}

  void changed(const cache_object& cache);
  void gone(const cache_ref& ref);
  /// Until they are known, caches with a node selector are not decided about.
  void node_is(const std::map<std::string, std::string>& labels);

  bool knows_node() const { return labels_.has_value(); }
  size_t size() const { return known_.size(); }

private:
  struct entry {
    std::optional<cache_spec> spec;
    std::map<std::string, std::string> selector;
    std::optional<cache_spec> announced;
  };

  void decide(const cache_ref& ref, entry& e);
  bool matches(const std::map<std::string, std::string>& selector) const;

  const std::string own_ns_;
  const listener tell_;
  std::map<cache_ref, entry> known_;
  std::optional<std::map<std::string, std::string>> labels_;
};

}  // namespace gkm::node
