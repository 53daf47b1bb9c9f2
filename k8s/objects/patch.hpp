/// Bodies of writes: documents in the making, and the patches that finalizers and the like need.
#pragma once

#include "k8s/objects/object.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::k8s {

/// A JSON document in the making: a new object, an apply configuration, a merge patch. A path that
/// does not exist yet is made of objects. Texts that are no UTF-8 are made so.
class draft {
public:
  using path = object::path;

  draft();
  /// With `apiVersion`, `kind`, `metadata.name` and, if there is one, `metadata.namespace`.
  draft(const resource& what, const object_key& key);
  /// A copy of an object, to be changed and put back.
  explicit draft(const object& from);
  ~draft();
  draft(draft&&) noexcept;
  draft& operator=(draft&&) noexcept;

  draft& set(path where, std::string_view text);
  draft& set(path where, const char* text) { return set(where, std::string_view(text)); }
  draft& set(path where, const std::string& text) { return set(where, std::string_view(text)); }
  draft& set(path where, int64_t number);
  draft& set(path where, int number) { return set(where, int64_t{number}); }
  draft& set(path where, bool flag);
  draft& set(path where, const std::vector<std::string>& texts);
  draft& set(path where, const std::map<std::string, std::string>& texts);
  draft& set(path where, const std::vector<owner_reference>& owners);
  draft& set(path where, const rapidjson::Value& value);
  /// JSON null: in a merge patch, "remove this".
  draft& clear(path where);
  /// Leaves no trace of it.
  draft& erase(path where);

  std::string print() const;

private:
  struct impl;
  rapidjson::Value& at(path where);
  std::unique_ptr<impl> impl_;
};

/// An RFC 6902 patch. Pointers are as the RFC has them: "/metadata/labels/gkm.io~1x". `json_value`
/// is JSON text.
class json_patch {
public:
  json_patch& test(std::string_view pointer, std::string_view json_value);
  json_patch& add(std::string_view pointer, std::string_view json_value);
  json_patch& replace(std::string_view pointer, std::string_view json_value);
  json_patch& remove(std::string_view pointer);
  bool empty() const { return operations_.empty(); }
  std::string print() const { return "[" + operations_ + "]"; }

private:
  json_patch& append(std::string_view op, std::string_view pointer, std::string_view json_value);
  std::string operations_;
};

/// A text as a JSON value.
std::string json_text(std::string_view text);
/// A name as a part of a JSON pointer.
std::string pointer_part(std::string_view name);

/// Merge patches; nothing if there is nothing to do. They name the object's resourceVersion, as the
/// list is replaced as a whole: `errc::conflict` if somebody else was faster.
std::optional<std::string> add_finalizer(const object& to, std::string_view name);
std::optional<std::string> remove_finalizer(const object& from, std::string_view name);

/// The smallest RFC 7386 patch that makes `to` of `from`; nothing if they are equal.
std::optional<std::string> merge_difference(const rapidjson::Value& from,
                                            const rapidjson::Value& to);

}  // namespace gkm::k8s
