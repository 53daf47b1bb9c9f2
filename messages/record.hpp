/// The text forms of what is kept on disk: facts in the store, catalog records, statuses. JSON,
/// version 1. Each is checked on reading as if an enemy had written it.
///
/// Rule for later versions: programs of a node are upgraded and rolled back one by one, so each
/// reads what a later one wrote. A later version adds fields and words; a field that is here keeps
/// its name and meaning. Fields that are not known are ignored, and a record that cannot be
/// understood is never a reason to remove, unmount or discard anything.
#pragma once

#include "messages/cache.hpp"

#include <string>
#include <string_view>

namespace gkm {

/// What is written; a later version has a higher number, and adds.
constexpr int record_version = 1;

/// Limits on one file; a reader refuses more.
constexpr size_t max_record_bytes = 1 << 20;
constexpr size_t max_record_text_chars = 1'024;  ///< of a reason or message, cut when printed
constexpr size_t max_record_targets = 64;
constexpr size_t max_status_volumes = 1'000;  ///< more are counted, not listed

std::string print_stored_cache(const stored_cache& facts);
result<stored_cache> parse_stored_cache(std::string_view json);
/// True for what `parse_stored_cache` refuses because a later version wrote it, not because it is
/// damaged.
bool may_be_facts_of_later_version(std::string_view json);

std::string print_catalog_record(const catalog_record& record);
/// Of a later version's record that cannot be understood the image and the digests are read; its
/// state is then an error that passes.
result<catalog_record> parse_catalog_record(std::string_view json);

/// The status as people's tools read it (`gkm status -o json` shows the same fields).
std::string print_cache_status(const cache_status& status);
result<cache_status> parse_cache_status(std::string_view json);

}  // namespace gkm
