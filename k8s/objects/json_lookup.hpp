/// Looking into a JSON value that somebody else wrote: what is missing or of another type is
/// nothing. For .cpp files only, as it brings in RapidJSON.
#pragma once

#include <rapidjson/document.h>

#include <initializer_list>
#include <string_view>

namespace gkm::k8s::lookup {

/// Null if there is none, or it is JSON null.
inline const rapidjson::Value* member(const rapidjson::Value* of, std::string_view name) {
  if (!of || !of->IsObject()) return nullptr;
  auto size = static_cast<rapidjson::SizeType>(name.size());
  auto at = of->FindMember(rapidjson::Value(rapidjson::StringRef(name.data(), size)));
  return at == of->MemberEnd() || at->value.IsNull() ? nullptr : &at->value;
}

inline const rapidjson::Value* find(const rapidjson::Value* of,
                                    std::initializer_list<std::string_view> path) {
  for (auto name : path) of = member(of, name);
  return of;
}

inline std::string_view text(const rapidjson::Value* of,
                             std::initializer_list<std::string_view> path) {
  const auto* found = find(of, path);
  if (!found || !found->IsString()) return {};
  return {found->GetString(), found->GetStringLength()};
}

/// Calls `f(index, element)` for each element of an array.
template <class F>
void each(const rapidjson::Value* of, std::initializer_list<std::string_view> path, F&& f) {
  const auto* list = find(of, path);
  if (!list || !list->IsArray()) return;
  for (rapidjson::SizeType i = 0; i < list->Size(); ++i) f(size_t{i}, (*list)[i]);
}

}  // namespace gkm::k8s::lookup
