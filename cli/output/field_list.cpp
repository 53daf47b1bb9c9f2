#include "cli/output/field_list.hpp"

#include "cli/output/printing.hpp"

#include <algorithm>
#include <iostream>

namespace gkm::cli {

void field_list::add(const char* field, rapidjson::Value value) {
  auto& memory = document_.GetAllocator();
  document_.AddMember(rapidjson::Value(field, memory), value, memory);
}

void field_list::line(const char* label, const char* field, const std::string& value) {
  lines_.emplace_back(label, value);
  add(field, text(value));
}

void field_list::number(const char* label, const char* field, uint64_t value,
                        const std::string& shown) {
  lines_.emplace_back(label, shown);
  add(field, rapidjson::Value(value));
}

void field_list::list(const char* label, const char* field, const std::vector<std::string>& values,
                      const std::vector<std::string>& shown) {
  for (const auto& v : shown) lines_.emplace_back(label, v);
  rapidjson::Value all(rapidjson::kArrayType);
  for (const auto& v : values) all.PushBack(text(v), document_.GetAllocator());
  add(field, std::move(all));
}

void field_list::print(output format) const {
  if (format == output::json || format == output::yaml) return print_document(document_, format);
  constexpr size_t gap = 3;
  size_t width = 0;
  for (const auto& [label, value] : lines_) width = std::max(width, label.size());
  for (const auto& [label, value] : lines_)
    std::cout << label << std::string(width - label.size() + gap, ' ') << value << '\n';
}

}  // namespace gkm::cli
