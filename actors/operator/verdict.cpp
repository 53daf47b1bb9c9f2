#include "actors/operator/verdict.hpp"

#include "messages/names.hpp"
#include "messages/printable.hpp"

#include <algorithm>

namespace gkm::op {
namespace {

constexpr size_t message_chars_max = 1024;
constexpr std::string_view limit_reason = "LimitExceeded";
constexpr size_t pods_shown_max = 5;

struct ready_view {
  bool yes = false;
  std::string reason;
  std::string message;
};

std::string nodes_text(size_t n) { return std::to_string(n) + (n == 1 ? " node" : " nodes"); }

std::string because(const aggregate& nodes, const listed_nodes& which) {
  auto why = nodes.why(which.first().front());
  return why.empty() ? list_some(which) : list_some(which) + ": " + why;
}

uint32_t pods_of(const cache_counts& c) { return c.pods_running + c.pods_outdated; }

/// "pods a, b, c and 4 more", or "7 pods" where no names are known.
std::string list_pods(uint32_t count, const std::vector<std::string>* names) {
  if (!names || names->empty()) return std::to_string(count) + (count == 1 ? " pod" : " pods");
  std::string text = count == 1 ? "pod" : "pods";
  auto shown = std::min(names->size(), pods_shown_max);
  for (size_t i = 0; i < shown; ++i) text += (i == 0 ? " " : ", ") + (*names)[i];
  if (count > shown) text += " and " + std::to_string(count - shown) + " more";
  return text;
}

// It is going: never said to be extracted, always what it waits for.
ready_view deleting_view(const situation& s) {
  const auto& nodes = s.nodes;
  if (!nodes.mounted().empty())
    return {false, conditions::deleting,
            "Deletion waits for " + list_pods(pods_of(nodes.counts()), s.pods) + " on " +
                list_some(nodes.mounted()) + " to end"};
  if (!nodes.stuck().empty())
    return {false, "UnloadError", "Cannot be removed on " + because(nodes, nodes.stuck())};
  if (!nodes.holding().empty())
    return {false, conditions::deleting,
            "Deletion waits for " + list_some(nodes.holding()) + " to remove it"};
  return {false, conditions::deleting, "No node holds it any more"};
}

ready_view unresolved_view(const situation& s) {
  if (s.image.problem.code == errc::none)
    return {false, conditions::pending, "The image is being resolved"};
  bool final = is_permanent(s.image.problem.code);
  return {false, final ? conditions::error : conditions::pending,
          s.image.problem.message + (final ? "" : "; it is tried again")};
}

// Every node that shall have it and can use it has it.
ready_view complete_view(const aggregate& nodes) {
  const auto& c = nodes.counts();
  auto have = nodes_text(nodes.ready()) + (nodes.ready() == 1 ? " has it" : " have it");
  if (c.pods_outdated > 0)
    return {true, conditions::outdated,
            have + "; " + std::to_string(c.pods_outdated) +
                (c.pods_outdated == 1 ? " pod still uses" : " pods still use") +
                " an earlier image until restarted"};
  return {true, c.pods_running > 0 ? conditions::running : conditions::extracted, have};
}

ready_view incomplete_view(const aggregate& nodes) {
  auto all = nodes.ready() + nodes.waiting().size() + nodes.failed().size();
  auto text = std::to_string(nodes.ready()) + " of " + std::to_string(all) + " nodes have it";
  if (!nodes.failed().empty())
    return {false, conditions::error, text + "; failed on " + because(nodes, nodes.failed())};
  text += "; waiting for " + list_some(nodes.waiting());
  const auto& c = nodes.counts();
  bool in_use = pods_of(c) > 0;
  return {false,
          in_use ? (c.pods_outdated > 0 ? conditions::outdated : conditions::running)
                 : conditions::pending,
          text};
}

ready_view resolved_view(const aggregate& nodes) {
  if (!nodes.waiting().empty() || !nodes.failed().empty()) return incomplete_view(nodes);
  if (nodes.ready() > 0) return complete_view(nodes);
  if (!nodes.unfit().empty())
    return {false, conditions::error,
            "No node has a GPU that it is for; " + because(nodes, nodes.unfit())};
  return {false, conditions::pending, "No node that runs GKM's agent matches"};
}

ready_view view_of(const situation& s) {
  if (s.cache.object.deleting) return deleting_view(s);
  if (!s.refusal.empty()) return {false, std::string(limit_reason), std::string(s.refusal)};
  if (s.image.resolved.empty()) return unresolved_view(s);
  return resolved_view(s.nodes);
}

std::string resolved_reference(const std::string& image, const digest& resolved) {
  auto ref = image_ref::parse(image);
  if (!ref) return {};
  ref->tag.clear();
  ref->pinned = resolved;
  return ref->str();
}

condition named(const char* name, const situation& s) {
  condition c;
  c.name = name;
  c.observed_generation = s.cache.object.generation;
  c.changed_unix_s = s.now_unix_s;
  return c;
}

condition ready_condition(const situation& s) {
  auto c = named(conditions::ready, s);
  auto view = view_of(s);
  c.status = view.yes ? condition_status::yes : condition_status::no;
  c.reason = view.reason;
  c.message = printable(view.message, message_chars_max);
  return c;
}

condition verified_condition(const situation& s) {
  auto c = named(conditions::verified, s);
  c.reason = "PolicyOff";
  c.message = "No signature policy is configured, so signatures are not looked at";
  return c;
}

// The states of the whole, each there while it holds somewhere.
void set_states(cache_object_status& status, const situation& s) {
  const auto& n = s.nodes;
  const auto& c = n.counts();
  bool going = s.cache.object.deleting;
  bool resolving = s.image.resolved.empty() && !is_permanent(s.image.problem.code) && !going;
  const std::pair<const char*, bool> states[] = {
      {conditions::pending, resolving || (!n.waiting().empty() && !going)},
      {conditions::extracted, n.ready() > 0 && n.waiting().empty() && n.failed().empty() && !going},
      {conditions::running, c.pods_running > 0},
      {conditions::outdated, c.pods_outdated > 0},
      {conditions::error, !n.failed().empty()},
      {"UnloadError", !n.stuck().empty()}};
  for (const auto& [name, holds] : states) {
    if (!holds) {
      std::erase_if(status.conditions, [&](const auto& one) { return one.name == name; });
      continue;
    }
    auto state = named(name, s);
    state.status = condition_status::yes;
    state.reason = resolving && state.name == conditions::pending ? "Resolving" : name;
    set_condition(status.conditions, std::move(state));
  }
}

const condition& ready_of(const cache_object_status& status) {
  static const condition none;
  const auto* c = find_condition(status.conditions, conditions::ready);
  return c ? *c : none;
}

}  // namespace

bool has_finalizer(const cache_object& cache) {
  const auto& all = cache.object.finalizers;
  return std::find(all.begin(), all.end(), names::in_use_finalizer) != all.end();
}

finalizer_step finalizer_due(const situation& s) {
  bool has = has_finalizer(s.cache);
  // Of one that is not served no node has anything.
  if (!has && !s.refusal.empty()) return finalizer_step::keep;
  if (!s.cache.object.deleting) return has ? finalizer_step::keep : finalizer_step::add;
  bool free = s.namespace_ending || s.nodes.holding().empty();
  return has && free ? finalizer_step::remove : finalizer_step::keep;
}

digest wanted_digest(const cache_object& cache) {
  auto ref = image_ref::parse(cache.image);
  if (ref && !cache.admitted_digest.empty() && !ref->pinned.empty()) return ref->pinned;
  return cache.admitted_digest;
}

digest wanted_digest(const cache_object& cache, const resolution& image) {
  bool keep = image.resolved.empty() || cache.object.deleting;
  return keep ? cache.status.resolved : image.resolved;
}

cache_object_status status_of(const situation& s) {
  auto status = s.cache.status;
  if (!s.image.resolved.empty() && !s.cache.object.deleting) {
    status.resolved = wanted_digest(s.cache, s.image);
    status.resolved_image = resolved_reference(s.cache.image, s.image.resolved);
    status.observed_generation = s.cache.object.generation;
  }
  set_condition(status.conditions, ready_condition(s));
  set_condition(status.conditions, verified_condition(s));
  set_states(status, s);
  status.counts = s.nodes.counts();
  if (status != s.cache.status) status.updated_unix_s = s.now_unix_s;
  return status;
}

base::pace::kind weigh(const cache_object_status& seen, const cache_object_status& wanted) {
  const auto& before = ready_of(seen);
  const auto& after = ready_of(wanted);
  if (seen.resolved != wanted.resolved || before.status != after.status ||
      before.reason != after.reason)
    return base::pace::kind::urgent;
  bool nodes_remove_it = after.reason == conditions::deleting && pods_of(wanted.counts) == 0;
  bool progress = after.reason == conditions::pending || nodes_remove_it;
  return progress ? base::pace::kind::progress : base::pace::kind::change;
}

std::vector<cache_event> events_between(const cache_object& seen,
                                        const cache_object_status& wanted) {
  std::vector<cache_event> events;
  if (seen.status.resolved != wanted.resolved)
    events.push_back({false, "Resolved", "Image is " + wanted.resolved_image});
  const auto& before = ready_of(seen.status);
  const auto& after = ready_of(wanted);
  if (seen.object.deleting) {
    if (before.message != after.message)
      events.push_back({false, conditions::deleting, after.message});
    return events;
  }
  if (before.status == after.status && before.reason == after.reason) return events;
  if (after.reason == conditions::error || after.reason == limit_reason)
    events.push_back({true, after.reason, after.message});
  else if (after.status == condition_status::yes && before.status != condition_status::yes)
    events.push_back({false, conditions::ready, after.message});
  return events;
}

}  // namespace gkm::op
