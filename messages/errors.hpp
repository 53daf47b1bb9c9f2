/// What can go wrong, as a value. Every function that may fail on outside input returns
/// `result<T>`; nothing of ours throws across a room's border.
#pragma once

#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace gkm {

/// The kind decides what happens next (see `is_permanent`), the text is for people.
enum class errc : uint8_t {
  none = 0,
  invalid_argument,  ///< the user's input is malformed: a reference, a field, a flag
  not_found,         ///< the thing named does not exist (yet)
  unauthorized,      ///< no credentials, wrong ones, or not allowed to see it
  unavailable,       ///< the other side is down, slow, overloaded or reset the connection
  corrupt,           ///< bytes that do not match the digest or length they were announced with
  malformed,         ///< verified bytes that are not a valid manifest, layer or cache
  refused,           ///< an archive entry that could do harm
  limit_exceeded,    ///< more bytes, files or seconds than a limit allows
  incompatible,      ///< built for other GPUs than this node has
  no_space,          ///< the disk is full
  busy,              ///< another process, or an earlier request, holds it
  conflict,          ///< something else is in its place
  expired,           ///< a version or token that the other side has forgotten: start over
  io,                ///< the local file system failed
  cancelled,         ///< nobody wants it any more
  internal,          ///< our own mistake
};

/// The name of a kind as it appears in logs and JSON, for example "not_found".
std::string_view to_string(errc code);

/// True if trying again cannot help until the cause (image, policy, GPUs) changes.
bool is_permanent(errc code);

struct error {
  errc code = errc::none;
  std::string message;  ///< the step, the thing in single quotes, the cause; no full stop
  std::chrono::seconds retry_after{};  ///< what the other side asked for; zero if it did not

  bool operator==(const error&) const = default;
};

template <class T>
using result = tl::expected<T, error>;

/// A failed result of any type: `return fail(errc::not_found, "no tag 'x'")`.
inline tl::unexpected<error> fail(errc code, std::string message) {
  return tl::unexpected<error>(error{code, std::move(message), {}});
}
inline tl::unexpected<error> fail(error e) { return tl::unexpected<error>(std::move(e)); }

/// The same error one level up: "Failed to pull 'x': <cause>".
inline tl::unexpected<error> wrap(error e, std::string_view step) {
  e.message = std::string(step) + ": " + e.message;
  return tl::unexpected<error>(std::move(e));
}

}  // namespace gkm
