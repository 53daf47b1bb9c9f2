#include "net/server/connection_places.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <tuple>

namespace gkm::net {

size_t connection_places::count_of(const std::string& peer) const {
  auto at = of_peer_.find(peer);
  return at == of_peer_.end() ? 0 : at->second;
}

std::optional<connection_places::id> connection_places::weakest(const std::string& newcomer,
                                                                bool of_its_own, time now) const {
  std::optional<id> found;
  std::tuple<bool, size_t, bool, time> best;
  auto own = count_of(newcomer);
  for (const auto& [who, c] : connections_) {
    if (c.deciding || (of_its_own && c.peer != newcomer)) continue;
    auto count = count_of(c.peer);
    bool just_now = !c.last_request && now - c.since < limits_.grace;
    if (just_now && count <= own) continue;
    bool lately = c.last_request && now - *c.last_request <= limits_.lately;
    std::tuple rank(c.proved, limits_.places - count, lately, c.since);
    if (found && !(rank < best)) continue;
    found = who;
    best = rank;
  }
  return found;
}

connection_places::arrival connection_places::come(id who, const std::string& peer, time now) {
  arrival out;
  bool over_share = count_of(peer) >= limits_.places_of_one;
  if (over_share || connections_.size() >= limits_.places) {
    out.gives_way = weakest(peer, over_share, now);
    if (!out.gives_way) return out;
    remove(*out.gives_way);
  }
  connections_.emplace(who, connection{peer, now, {}, false, false});
  ++of_peer_[peer];
  out.taken = true;
  return out;
}

void connection_places::remove(id who) {
  auto at = connections_.find(who);
  if (at == connections_.end()) return;
  if (at->second.deciding) --deciding_;
  if (auto peer = of_peer_.find(at->second.peer); --peer->second == 0) of_peer_.erase(peer);
  connections_.erase(at);
}

void connection_places::leave(id who) { remove(who); }

void connection_places::asked(id who, time now) {
  auto at = connections_.find(who);
  if (at == connections_.end() || at->second.deciding) return;
  at->second.deciding = true;
  at->second.since = now;
  if (++deciding_ >= limits_.places) all_deciding_since_ = now;
}

void connection_places::answered(id who, time now) {
  auto at = connections_.find(who);
  if (at == connections_.end() || !at->second.deciding) return;
  at->second.deciding = false;
  at->second.since = now;
  at->second.last_request = now;
  --deciding_;
}

void connection_places::proved(id who) {
  if (auto at = connections_.find(who); at != connections_.end()) at->second.proved = true;
}

bool connection_places::can_answer(time now, std::chrono::milliseconds patience) const {
  return deciding_ < limits_.places || now - all_deciding_since_ < patience;
}

std::string peer_of(const sockaddr& address) {
  constexpr size_t v6_prefix_bytes = 8;
  constexpr size_t v4_bytes = 4;
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return {reinterpret_cast<const char*>(&v4.sin_addr), v4_bytes};
  }
  if (address.sa_family != AF_INET6) return {};
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  const auto* bytes = reinterpret_cast<const char*>(&v6.sin6_addr);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
    return {bytes + sizeof v6.sin6_addr - v4_bytes, v4_bytes};
  return {bytes, v6_prefix_bytes};
}

}  // namespace gkm::net
