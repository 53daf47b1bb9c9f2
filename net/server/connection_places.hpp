/// Which connections a server keeps, and which one gives way to a newcomer. Pure, for one thread.
///
/// While places are free nobody gives way, except that no peer has more than its share, so that
/// others find a place. After that, in this order: of who proved nothing before who proved to be
/// the expected caller; of the peer with most connections; who asked nothing lately before who did;
/// the longest silent first. A connection whose request is being decided never gives way, and one
/// that came just now only to a peer that has fewer. Else a newcomer has to wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

struct sockaddr;

namespace gkm::net {

struct place_limits {
  size_t places = 64;         ///< connections
  size_t places_of_one = 48;  ///< of one peer address; below `places`
  /// For so long a whole request makes its connection worth more than one without.
  std::chrono::milliseconds lately{60'000};
  /// For so long a newcomer that asked nothing yet counts as one that came just now.
  std::chrono::milliseconds grace{0};
};

class connection_places {
public:
  using time = std::chrono::steady_clock::time_point;
  using id = uint64_t;

  struct arrival {
    bool taken = false;           ///< false: nobody can be replaced now, `come` again
    std::optional<id> gives_way;  ///< has no place any more: to be closed by the caller
  };

  explicit connection_places(place_limits limits) : limits_(limits) {}

  /// `who` is new.
  arrival come(id who, const std::string& peer, time now);
  void leave(id who);
  /// It sent a whole request that will be decided now; until `answered` it cannot give way.
  void asked(id who, time now);
  void answered(id who, time now);
  /// It is the caller that the server is there for.
  void proved(id who);

  /// False once all places have been held by requests in decision for `patience`.
  bool can_answer(time now, std::chrono::milliseconds patience) const;
  size_t taken() const { return connections_.size(); }

private:
  struct connection {
    std::string peer;
    time since{};  ///< of the last sign of life that counts
    std::optional<time> last_request;
    bool proved = false;
    bool deciding = false;
  };
  using connections = std::map<id, connection>;

  std::optional<id> weakest(const std::string& newcomer, bool of_its_own, time now) const;
  size_t count_of(const std::string& peer) const;
  void remove(id who);

  const place_limits limits_;
  connections connections_;
  std::map<std::string, size_t> of_peer_;
  size_t deciding_ = 0;
  time all_deciding_since_{};
};

/// What counts as one peer: an IPv4 address, or the /64 of an IPv6 one.
std::string peer_of(const sockaddr& address);

}  // namespace gkm::net
