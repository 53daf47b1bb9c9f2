/// A content digest, "sha256:<64 hex>". The only algorithm that GKM accepts.
#pragma once

#include "messages/errors.hpp"

#include <compare>
#include <string>
#include <string_view>
#include <tuple>

namespace gkm {

struct digest {
  std::string hex;  ///< 64 lower-case hexadecimal characters; empty means none

  /// Accepts exactly "sha256:" and 64 lower-case hex characters (OCI image spec, descriptor.md).
  static result<digest> parse(std::string_view text);

  bool empty() const { return hex.empty(); }
  std::string str() const { return empty() ? "" : "sha256:" + hex; }
  /// The first 12 characters, for tables.
  std::string brief() const { return hex.substr(0, 12); }

  auto operator<=>(const digest&) const = default;

  static constexpr auto type = "digest";
  static constexpr auto fields() { return std::tuple{&digest::hex}; }
};

}  // namespace gkm
