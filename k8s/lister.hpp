/// Lists in chunks; begins anew when the server has forgotten the moment that it was reading.
#pragma once

#include "k8s/connection.hpp"

#include <cstdint>

namespace gkm::k8s {

class lister : public std::enable_shared_from_this<lister> {
public:
  enum class keeping : uint8_t { everything, no_data };

  /// `no_data`: what Secrets and ConfigMaps hold is dropped as it arrives.
  static void start(std::shared_ptr<connection> on, const resource& what, const selection& which,
                    answer<object_list> reply, keeping what_of_them = keeping::everything);

private:
  lister(std::shared_ptr<connection> on, const resource& what, selection which,
         answer<object_list> reply, keeping what_of_them)
      : on_(std::move(on)),
        what_(what),
        which_(std::move(which)),
        reply_(std::move(reply)),
        keeping_(what_of_them) {}

  void ask();
  void take(const result<std::string>& body);
  result<std::string> add(const std::string& body);

  const std::shared_ptr<connection> on_;
  const resource what_;
  const selection which_;
  const answer<object_list> reply_;
  const keeping keeping_;
  object_list found_;
  std::string continue_;
  int restarts_ = 0;
  size_t chunk_items_ = 500;  ///< less once that was too much for one answer
};

}  // namespace gkm::k8s
