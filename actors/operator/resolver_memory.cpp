#include "actors/operator/resolver_work.hpp"

namespace gkm::cluster {
namespace {

constexpr size_t max_answers = 1'024;
constexpr size_t max_sources = 32;

}  // namespace

bool answer_memory::ask(const std::string& key, waiter who) {
  std::unique_lock lock(mutex_);
  auto& e = entries_[key];
  if (!e.known.empty() && e.until > clock::now()) {
    auto known = e.known;
    lock.unlock();
    who(known);
    return false;
  }
  e.waiting.push_back(std::move(who));
  return !std::exchange(e.open, true);
}

void answer_memory::settle(const std::string& key, const result<digest>& outcome) {
  std::vector<waiter> waiting;
  {
    std::lock_guard lock(mutex_);
    auto& e = entries_[key];
    waiting.swap(e.waiting);
    e.open = false;
    if (outcome) {
      e.known = *outcome;
      e.until = clock::now() + age_;
    } else {
      entries_.erase(key);
    }
    make_room();
  }
  for (const auto& tell : waiting) tell(outcome);
}

void answer_memory::remember(const std::string& key, const digest& known) {
  std::lock_guard lock(mutex_);
  auto& e = entries_[key];
  e.known = known;
  e.until = clock::now() + age_;
}

void answer_memory::make_room() {
  if (entries_.size() <= max_answers) return;
  auto now = clock::now();
  std::erase_if(entries_, [now](const auto& e) { return !e.second.open && e.second.until <= now; });
  if (entries_.size() > max_answers)
    std::erase_if(entries_, [](const auto& e) { return !e.second.open; });
}

std::shared_ptr<oci::source> source_memory::find_or_make(
    const std::string& fingerprint, const std::function<std::unique_ptr<oci::source>()>& make) {
  std::lock_guard lock(mutex_);
  if (auto at = sources_.find(fingerprint); at != sources_.end()) return at->second;
  if (sources_.size() >= max_sources) sources_.clear();
  return sources_[fingerprint] = make();
}

result<digest> ask_registry(oci::source& registry, const image_ref& image, std::stop_token stop) {
  auto got = registry.manifest(image, stop);
  if (!got) return fail(got.error());
  // Nothing else may be pinned: nodes could not use it.
  auto list = oci::is_index(got->bytes, got->media_type);
  if (!list) return wrap(list.error(), "it is no image");
  if (*list) return got->content;
  auto manifest = oci::parse_manifest(got->bytes);
  if (!manifest) return wrap(manifest.error(), "it is no image");
  return got->content;
}

}  // namespace gkm::cluster
