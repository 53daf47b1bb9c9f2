/// Whom a transfer works for, as the loop sees it. Every call comes from the loop's thread.
#pragma once

#include "base/byte_stream.hpp"
#include "net/http.hpp"

#include <optional>
#include <string_view>

namespace gkm::net {

constexpr size_t chunk_bytes = 256 * 1024;  ///< of a full block

class response_consumer {
public:
  virtual ~response_consumer() = default;

  virtual bool cancelled() const = 0;
  virtual void put_head(response_head head) = 0;
  /// Bytes of the body, to be taken at once. False: they are wanted in blocks, by what follows.
  virtual bool take(std::string_view bytes) = 0;
  /// True if the backlog is full now.
  virtual bool put_full(base::chunk full) = 0;
  /// A block with room left, given out because nothing more is there right now.
  virtual void give_partial(base::chunk partial) = 0;
  /// The lent block, to fill on, if nobody took it yet; else an empty one without capacity.
  virtual base::chunk take_back() = 0;
  /// True: the backlog is full still, and `wants_resume` will turn true once it is not.
  virtual bool pause() = 0;
  /// True once after each pause that is over.
  virtual bool wants_resume() = 0;
  /// Last of all, also after a cancellation.
  virtual void end(std::optional<error> failure) = 0;
};

}  // namespace gkm::net
