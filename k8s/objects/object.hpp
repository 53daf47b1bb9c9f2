/// One object of the API: immutable, shared, its unknown fields kept.
#pragma once

#include "k8s/objects/resource.hpp"
#include "messages/errors.hpp"

#include <rapidjson/fwd.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::k8s {

struct owner_reference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;

  bool operator==(const owner_reference&) const = default;
};

/// Copies are cheap and may go to any thread. Views into an object live as long as some copy of it.
/// What is missing reads as empty, 0 or false. `metadata.managedFields` is not kept: nobody needs
/// it, and it is half of most objects.
class object {
public:
  /// Where a value is: {"status", "counts", "nodeCnt"}.
  using path = std::initializer_list<std::string_view>;

  object() = default;  ///< none
  /// `errc::malformed` names the field of the metadata that is not as the API has it.
  static result<object> parse(std::string_view json);
  /// The same for a value of a larger document; it is copied.
  static result<object> copy(const rapidjson::Value& value);

  explicit operator bool() const { return static_cast<bool>(data_); }

  std::string_view api_version() const;
  std::string_view kind() const;
  object_key key() const;
  std::string_view ns() const;
  std::string_view name() const;
  std::string_view uid() const;
  std::string_view resource_version() const;
  int64_t generation() const;
  int64_t created_unix_s() const;
  int64_t deleted_unix_s() const;  ///< of `deletionTimestamp`; 0: nobody deleted it
  bool is_deleting() const { return deleted_unix_s() != 0; }
  std::map<std::string, std::string> labels() const;
  std::map<std::string, std::string> annotations() const;
  std::string_view label(std::string_view name) const;
  std::string_view annotation(std::string_view name) const;
  std::vector<std::string> finalizers() const;
  bool has_finalizer(std::string_view name) const;
  std::vector<owner_reference> owners() const;

  std::string_view text(path where) const;
  int64_t integer(path where) const;
  bool boolean(path where) const;
  /// Null if there is none.
  const rapidjson::Value* find(path where) const;
  /// The whole object; include <rapidjson/document.h> to look into it. Not for none.
  const rapidjson::Value& json() const;
  std::string print() const;

private:
  struct data;
  std::shared_ptr<const data> data_;
};

}  // namespace gkm::k8s
