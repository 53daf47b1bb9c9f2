/// Reading JSON as the OCI specifications and Go programs see it: strict types, the last of
/// duplicates, errors that name the field. For .cpp files of
/// this room only, as it brings in RapidJSON.
#pragma once

#include "messages/digest.hpp"
#include "messages/errors.hpp"
#include "oci/json_limits.hpp"

#include <rapidjson/document.h>

#include <map>
#include <string>
#include <string_view>

namespace gkm::oci::json {

using value = rapidjson::Value;

/// Parses an object with `gkm::json::parse` into `out`. `what` names the document in the error,
/// which is `errc::malformed`, or `errc::limit_exceeded` for too many values.
result<void> parse(std::string_view text, std::string_view what, rapidjson::Document& out);

/// The member, or null if there is none, it is JSON null or `object` is no object. Of duplicates
/// the last one counts, as in the Go programs that people check an image with.
const value* find(const value& object, std::string_view name);

std::string_view view(const value& text);

/// An optional string: empty if there is none. Another type is `errc::malformed`; `path` is the
/// object's.
result<std::string> text(const value& object, std::string_view name, std::string_view path);

/// An optional object of strings. A null member counts as "".
result<std::map<std::string, std::string>> texts(const value& object, std::string_view name,
                                                 std::string_view path);

/// An optional array of at most `max` members; null if there is none.
result<const value*> array(const value& object, std::string_view name, std::string_view path,
                           size_t max);

/// "field 'layers[3].size' <cause>", `errc::malformed`.
tl::unexpected<error> bad_field(std::string_view path, std::string_view name,
                                std::string_view cause);

}  // namespace gkm::oci::json
