/// What all records are printed and read with: the small parts that several of them have. For .cpp
/// files of this folder only: it includes RapidJSON.
#pragma once

#include "messages/cache.hpp"
#include "messages/json/json.hpp"
#include "messages/printable.hpp"
#include "messages/record.hpp"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <string>
#include <string_view>
#include <vector>

namespace gkm::records {

using writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

/// One object, as text that ends with a line break.
template <class F>
std::string print(F&& fields) {
  rapidjson::StringBuffer buffer;
  writer out(buffer);
  out.SetIndent(' ', 2);
  out.StartObject();
  fields(out);
  out.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

/// Cut to `max_record_text_chars`, printable.
std::string bounded(std::string_view text);

void put(writer& out, const char* name, const std::string& value);
void put_some(writer& out, const char* name, const std::string& value);  ///< unless it is empty
void put(writer& out, const char* name, uint64_t value);
void put_some(writer& out, const char* name, uint64_t value);  ///< unless it is zero
void put(writer& out, const char* name, int64_t value);
void put(writer& out, const char* name, bool value);
void put(writer& out, const char* name, const std::vector<std::string>& values);

void put_version(writer& out);
void check_version(json::reader& in);
void put_ref(writer& out, const cache_ref& ref);
cache_ref read_ref(json::reader& in);
digest read_digest(json::reader& in, const char* name, bool required);

}  // namespace gkm::records
