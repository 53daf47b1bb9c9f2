#include "messages/target.hpp"

#include <algorithm>
#include <utility>

namespace gkm {
namespace {

// A node has a handful of GPUs; these only keep the line readable where an inventory claims more.
constexpr size_t max_ids_shown = 8;
constexpr size_t max_groups_shown = 8;

constexpr std::string_view compatible_text = "compatible";

std::string join_ids(const std::vector<int32_t>& ids) {
  std::string out;
  const size_t shown = std::min(ids.size(), max_ids_shown);
  for (size_t i = 0; i < shown; ++i) {
    if (i > 0) out += i + 1 == ids.size() ? " and " : ", ";
    out += std::to_string(ids[i]);
  }
  if (shown < ids.size()) out += " and " + std::to_string(ids.size() - shown) + " more";
  return out;
}

struct group {
  std::string_view text;
  std::vector<int32_t> ids;
};

std::vector<group> group_by_text(const std::vector<gpu_verdict>& gpus) {
  std::vector<group> groups;
  for (const auto& g : gpus) {
    std::string_view text = g.compatible ? compatible_text : std::string_view(g.reason);
    auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto& x) { return x.text == text; });
    if (found == groups.end()) found = groups.insert(groups.end(), group{text, {}});
    found->ids.push_back(g.id);
  }
  return groups;
}

std::string who(const group& g, bool is_all) {
  if (g.ids.size() == 1) return "GPU " + std::to_string(g.ids.front());
  if (is_all) return std::to_string(g.ids.size()) + " GPUs";
  return "GPUs " + join_ids(g.ids);
}

char sign(feature f) { return f == feature::on ? '+' : '-'; }
bool is_fixed(feature f) { return f == feature::on || f == feature::off; }

}  // namespace

std::string_view to_string(feature f) {
  switch (f) {
    case feature::unstated:
      return "unstated";
    case feature::any:
      return "any";
    case feature::off:
      return "off";
    case feature::on:
      return "on";
  }
  return "unknown";
}

std::optional<feature> parse_feature(std::string_view text) {
  for (auto f : {feature::any, feature::off, feature::on})
    if (text == to_string(f)) return f;
  return std::nullopt;
}

std::string target::str() const {
  if (backend == "cuda") return "sm_" + arch;
  std::string out = arch;
  if (is_fixed(sramecc)) out += std::string(":sramecc") + sign(sramecc);
  if (is_fixed(xnack)) out += std::string(":xnack") + sign(xnack);
  return out;
}

std::string gpu::arch_str() const { return backend == "cuda" ? "sm_" + arch : arch; }

bool match_result::usable() const {
  return !known ||
         std::any_of(gpus.begin(), gpus.end(), [](const auto& g) { return g.compatible; });
}

std::string match_result::summary() const {
  if (!known) return "targets cannot be told";
  if (gpus.empty()) return "no GPU in the inventory";
  const auto groups = group_by_text(gpus);
  if (groups.size() == 1 && gpus.front().compatible) return std::string(compatible_text);
  std::string out;
  const size_t shown = std::min(groups.size(), max_groups_shown);
  for (size_t i = 0; i < shown; ++i) {
    if (i > 0) out += "; ";
    out += who(groups[i], groups.size() == 1) + ": " + std::string(groups[i].text);
  }
  if (shown < groups.size())
    out += "; and " + std::to_string(groups.size() - shown) + " more reasons";
  return out;
}

}  // namespace gkm
