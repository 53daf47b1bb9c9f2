/// Fields of JSON documents, in the order in which they are said. For .cpp files only: it includes
/// RapidJSON.
#pragma once

#include "cli/cluster/cluster_document.hpp"
#include "k8s/objects/time.hpp"

#include <rapidjson/document.h>

#include <string>
#include <string_view>
#include <utility>

namespace gkm::cli {

class fields {
public:
  using value = rapidjson::Value;
  using memory = rapidjson::Document::AllocatorType;

  explicit fields(memory& in) : in_(in), value_(rapidjson::kObjectType) {}

  fields& text(const char* name, std::string_view text) {
    return put(name, value(harmless(text), in_));
  }
  fields& time(const char* name, int64_t unix_s) {
    return text(name, unix_s == 0 ? std::string() : k8s::print_time(unix_s));
  }
  template <class T>
  fields& plain(const char* name, T plain) {
    return put(name, value(plain));
  }
  fields& put(const char* name, value v) {
    value_.AddMember(rapidjson::StringRef(name), v, in_);
    return *this;
  }
  template <class List, class F>
  fields& list(const char* name, const List& all, F f) {
    value values(rapidjson::kArrayType);
    for (const auto& one : all) values.PushBack(f(one), in_);
    return put(name, std::move(values));
  }
  fields& texts(const char* name, const std::vector<std::string>& all) {
    return list(name, all, [&](const std::string& t) { return value(harmless(t), in_); });
  }
  value take() { return std::move(value_); }

private:
  memory& in_;
  value value_;
};

}  // namespace gkm::cli
