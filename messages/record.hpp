/// The text forms of what is kept on disk: facts in the store, catalog records, statuses. JSON,
/// version 1. What is read is checked as if an enemy had written it.
#pragma once

#include "messages/cache.hpp"

#include <string>
#include <string_view>

namespace gkm {

/// Limits on one file; a reader refuses more.
constexpr size_t max_record_bytes = 1 << 20;
constexpr size_t max_record_text_chars = 1'024;  ///< of a reason or message, cut when printed
constexpr size_t max_record_targets = 64;
constexpr size_t max_status_volumes = 1'000;  ///< more are counted, not listed

std::string print_stored_cache(const stored_cache& facts);
result<stored_cache> parse_stored_cache(std::string_view json);

std::string print_catalog_record(const catalog_record& record);
result<catalog_record> parse_catalog_record(std::string_view json);

/// The status as people's tools read it (`gkm status -o json` shows the same fields).
std::string print_cache_status(const cache_status& status);
result<cache_status> parse_cache_status(std::string_view json);

}  // namespace gkm
