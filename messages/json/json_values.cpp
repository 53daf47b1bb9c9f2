#include "messages/json/json_values.hpp"

namespace gkm::json {

size_t count_values(std::string_view text) {
  size_t count = 1;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (in_string && c == '\\') ++i;
    if (c == '"') in_string = !in_string;
    if (!in_string && (c == ',' || c == ':' || c == '[' || c == '{')) ++count;
  }
  return count;
}

}  // namespace gkm::json
