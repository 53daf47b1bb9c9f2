/// One thing's facts, in the order of their telling: for people as lines, for machines as fields.
#pragma once

#include "cli/options.hpp"

#include <rapidjson/document.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gkm::cli {

/// Each fact has a label for people and a field name for machines.
class field_list {
public:
  field_list() : document_(rapidjson::kObjectType) {}

  void line(const char* label, const char* field, const std::string& value);
  void number(const char* label, const char* field, uint64_t value, const std::string& shown);
  /// One array of values for machines; one line each for people, or whatever is to be shown
  /// instead.
  void list(const char* label, const char* field, const std::vector<std::string>& values,
            const std::vector<std::string>& shown);
  void list(const char* label, const char* field, const std::vector<std::string>& values) {
    list(label, field, values, values);
  }
  void print(output format) const;

private:
  rapidjson::Value text(const std::string& v) { return {v, document_.GetAllocator()}; }
  void add(const char* field, rapidjson::Value value);

  std::vector<std::pair<std::string, std::string>> lines_;
  rapidjson::Document document_;
};

}  // namespace gkm::cli
