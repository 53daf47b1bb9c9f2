/// JSON for machines, the same as YAML, and the words that several commands share.
#pragma once

#include "messages/target.hpp"

#include <rapidjson/document.h>

#include <string>
#include <vector>

namespace gkm::cli {

enum class output;

/// Prints a document as -o asks: json or yaml.
void print_document(const rapidjson::Document& document, output format);

/// {"gfx90a", "gfx942"}.
std::vector<std::string> target_names(const std::vector<target>& targets);
/// "gfx90a, gfx942"; "unknown" if there is none.
std::string join_targets(const std::vector<target>& targets);

}  // namespace gkm::cli
