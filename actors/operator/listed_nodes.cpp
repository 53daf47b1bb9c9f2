#include "actors/operator/listed_nodes.hpp"

#include <algorithm>

namespace gkm::op {
namespace {

bool is_before(const shared_text& a, const shared_text& b) { return *a < *b; }

}  // namespace

void listed_nodes::insert(const shared_text& node) {
  bool all_known = first_.size() == size_++;
  if (!all_known && (first_.empty() || !is_before(node, first_.back()))) return;
  first_.insert(std::upper_bound(first_.begin(), first_.end(), node, is_before), node);
  if (first_.size() > known_max) first_.pop_back();
}

void listed_nodes::erase(const shared_text& node) {
  --size_;
  auto at = std::lower_bound(first_.begin(), first_.end(), node, is_before);
  if (at != first_.end() && **at == *node) first_.erase(at);
}

bool listed_nodes::is_short() const { return first_.size() < std::min(size_, shown_max); }

void listed_nodes::list(std::vector<const shared_text*> all) {
  size_ = all.size();
  auto known = std::min(size_, known_max);
  std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(known), all.end(),
                    [](const auto* a, const auto* b) { return is_before(*a, *b); });
  first_.clear();
  for (size_t i = 0; i < known; ++i) first_.push_back(*all[i]);
}

std::string list_some(const listed_nodes& nodes) {
  std::string text;
  auto shown = std::min(nodes.first().size(), listed_nodes::shown_max);
  for (size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + *nodes.first()[i];
  if (nodes.size() > shown) text += " and " + std::to_string(nodes.size() - shown) + " more";
  return text;
}

}  // namespace gkm::op
