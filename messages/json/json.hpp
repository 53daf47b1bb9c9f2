/// Reading JSON into types: one reader that remembers the first thing that was wrong, so that
/// parsers are a list of fields. For .cpp files only: it includes RapidJSON.
#pragma once

#include "messages/errors.hpp"

#include <rapidjson/document.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gkm::json {

/// Deeper documents are refused: nothing that is read here needs more.
inline constexpr size_t max_depth = 64;

/// Parses a whole text: the only parser here, as all JSON comes from strangers. Depth is limited
/// and costs no stack; invalid UTF-8 is an error. The message continues "x is ": "not valid JSON
/// ...".
result<rapidjson::Document> parse(std::string_view text);

/// Looks at one object. A missing optional field gives its default; a missing required field, or
/// any field of a wrong type, is remembered with its path ("gpus[1].arch must be a string").
class reader {
public:
  /// `problem` collects the first error of this reader and all its children.
  reader(const rapidjson::Value& value, std::string path, error& problem);

  std::string text(const char* name);  ///< required
  std::string text_or(const char* name, std::string fallback = {});
  /// Text that is shown on terminals as it is: it has no control characters.
  std::string plain(const char* name);  ///< required
  std::string plain_or(const char* name, std::string fallback = {});
  uint64_t number(const char* name, uint64_t at_most = UINT64_MAX);  ///< required
  uint64_t number_or(const char* name, uint64_t fallback = 0, uint64_t at_most = UINT64_MAX);
  int64_t integer(const char* name);  ///< required
  int64_t integer_or(const char* name, int64_t fallback = 0);
  bool boolean_or(const char* name, bool fallback = false);
  bool has(const char* name) const;  ///< even if it is null
  void require(const char* name);    ///< of any type but null

  /// Calls `f` for each element of an optional array of objects (or of strings), at most `limit`
  /// of them, else errc::limit_exceeded.
  void each_object(const char* name, size_t limit, const std::function<void(reader)>& f);
  void each_text(const char* name, size_t limit, const std::function<void(std::string)>& f);
  void each_integer(const char* name, size_t limit, const std::function<void(int64_t)>& f);
  /// Calls `f` for each member of this object, all of them objects (or strings), at most `limit`.
  void each_member(size_t limit, const std::function<void(std::string, reader)>& f);
  void each_text_member(size_t limit, const std::function<void(std::string, std::string)>& f);
  /// Calls `f` with an optional object.
  void object(const char* name, const std::function<void(reader)>& f);

  /// Remembers `what` about a field, if nothing was wrong before.
  void reject(const char* name, std::string_view what, errc code = errc::malformed);
  bool ok() const { return problem_->code == errc::none; }

private:
  const rapidjson::Value* find(const char* name, bool required);
  const rapidjson::Value* find_array(const char* name, size_t limit);
  bool has_members(size_t limit);
  std::string path_to(std::string_view name) const;

  const rapidjson::Value* value_;
  std::string path_;
  error* problem_;
};

/// Parses `text` as an object and lets `read` fill a T; the first error wins.
template <class T>
result<T> parse_object(std::string_view text, const std::function<void(reader&, T&)>& read) {
  auto document = parse(text);
  if (!document) return fail(document.error());
  error problem;
  T value;
  reader root(*document, "", problem);
  if (problem.code == errc::none) read(root, value);
  if (problem.code != errc::none) return fail(std::move(problem));
  return value;
}

}  // namespace gkm::json
