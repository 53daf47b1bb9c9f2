#include "actors/operator/pull_secrets.hpp"

#include "base/base64.hpp"
#include "base/program/log.hpp"
#include "base/sha256.hpp"
#include "messages/actors/here.hpp"
#include "messages/assert.hpp"
#include "messages/pull_secret.hpp"

#include <algorithm>
#include <charconv>

namespace gkm::op {
namespace log = base::log;
namespace {

/// A registry that refuses good credentials must not make us read secrets all day.
constexpr std::chrono::milliseconds between_reads{60'000};

uint64_t mark_of(const std::string& key, const std::string& value) {
  uint64_t mark = 0;
  for (unsigned char c : base::tag_of(key + "=" + value)) mark = mark << 8U | c;
  return mark;
}

std::vector<uint64_t> marks_of(const std::map<std::string, std::string>& labels) {
  std::vector<uint64_t> marks;
  marks.reserve(labels.size());
  for (const auto& [key, value] : labels) marks.push_back(mark_of(key, value));
  std::sort(marks.begin(), marks.end());
  return marks;
}

template <class Users>
bool is_for(const Users& users, const std::vector<uint64_t>& marks) {
  return std::any_of(users.begin(), users.end(), [&](const auto& user) {
    return std::includes(marks.begin(), marks.end(), user.second.begin(), user.second.end());
  });
}

/// Empty: it is no key.
std::string key_in(const std::string& base64) {
  auto key = base::from_base64(base64);
  return key && key->size() == base::sealing_key_bytes ? *key : std::string();
}

/// Changes when the part would be sealed for others, or with other keys.
std::string fingerprint(size_t parts, const std::vector<base::recipient>& recipients) {
  auto text = std::to_string(parts);
  for (const auto& one : recipients)
    text.append("\n").append(one.name).append("=" + one.public_key);
  return base::sha256::of(text).hex;
}

}  // namespace

/// What is being done about one copy.
struct pull_secrets_state::job {
  std::string copy;
  std::string ns;
  secret_ref from;
  size_t parts = 1;
  registry_login login;
  std::vector<size_t> todo;  ///< the last one first
  result<done> outcome;      ///< of what was read
};

pull_secrets_state::pull_secrets_state(pull_secrets_actor::pointer self, secrets_port& port,
                                       std::string own_ns, uint64_t seed)
    : self_(self),
      port_(port),
      own_ns_(std::move(own_ns)),
      chance_(seed),
      sealer_(base::sealer::make()),
      line_({.places = copies_at_once_max, .places_of_one = copies_at_once_of_namespace_max}) {}

pull_secrets_actor::behavior_type pull_secrets_state::make_behavior() {
  return {
      [this](wanted_atom, const cache_ref& ref, const std::vector<std::string>& names,
             const labels& selector) { wanted(ref, names, selector); },
      [this](withdraw_atom, const cache_ref& ref) { wanted(ref, {}, {}); },
      [this](node_atom, const std::string& name, const labels& has, const std::string& key) {
        node_said(name, has, key);
      },
      [this](login_failed_atom, const cache_ref& ref) { login_failed(ref); },
      [this](act_atom, bool acting) { set_acting(acting); },
      [this](flush_atom, const std::string& copy) {
        if (copies_.contains(copy)) proceed(copy);
      },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

void pull_secrets_state::later(std::chrono::milliseconds pause, std::function<void()> what) {
  self_->delayed_send(self_, pause, run_atom_v, continuation{std::move(what)});
}

// -- who names what --

/// Null if the namespace has too many.
pull_secrets_state::entry* pull_secrets_state::entry_for(const secret_ref& from,
                                                         const std::string& copy) {
  auto& t = tenants_[from.ns];
  bool is_full = !t.copies.contains(copy) && t.copies.size() >= copies_of_namespace_max;
  if (is_full && !std::exchange(t.told, true))
    log::warn("Pull secrets are not copied: the caches of their namespace name too many",
              {{"secret", from.ns + "/" + from.name}, {"limit", copies_of_namespace_max}});
  if (is_full) return nullptr;
  auto [at, fresh] = copies_.try_emplace(copy);
  // A left-over that somebody names is nobody's any more.
  if (!fresh && at->second.from != from) tenants_[at->second.from.ns].copies.erase(copy);
  t.copies.insert(copy);
  at->second.from = from;
  if (fresh) mark_all(at->second);
  return &at->second;
}

void pull_secrets_state::wanted(const cache_ref& ref, const std::vector<std::string>& names,
                                const labels& selector) {
  auto before = std::exchange(by_cache_[ref], {});
  auto marks = marks_of(selector);
  for (const auto& name : names) {
    secret_ref from{ref.is_cluster() ? own_ns_ : ref.ns, name};
    auto copy = pull_secret_copy(from.ns, from.name);
    auto* e = entry_for(from, copy);
    if (!e) continue;
    auto [user, fresh] = e->users.try_emplace(ref);
    if (fresh || user->second != marks) mark_all(*e);
    user->second = marks;
    e->work.want();
    e->work.end_pause();
    e->reread.cut_short();
    by_cache_[ref].insert(copy);
    before.erase(copy);
    proceed(copy);
  }
  if (by_cache_[ref].empty()) by_cache_.erase(ref);
  for (const auto& copy : before) {
    auto& e = copies_[copy];
    e.users.erase(ref);
    mark_all(e);
    if (e.users.empty()) e.work.end_pause();
    proceed(copy);
  }
}

void pull_secrets_state::login_failed(const cache_ref& ref) {
  auto at = by_cache_.find(ref);
  if (at == by_cache_.end()) return;
  for (const auto& copy : at->second) {
    copies_[copy].work.want();
    proceed(copy);
  }
}

// -- for which nodes --

void pull_secrets_state::node_said(const std::string& name, const labels& has,
                                   const std::string& key_base64) {
  node_place place{pull_secret_mark(name), name};
  auto at = nodes_.find(place);
  auto before = at == nodes_.end() ? node{} : at->second;
  node now{{}, key_in(key_base64)};
  if (!now.key.empty()) now.marks = marks_of(has);
  if (now.key == before.key && now.marks == before.marks) return;
  if (now.key.empty())
    nodes_.erase(at);
  else
    nodes_[place] = now;
  for (auto& [copy, e] : copies_) {
    bool was = !before.key.empty() && is_for(e.users, before.marks);
    bool is = !now.key.empty() && is_for(e.users, now.marks);
    if (was == is && (!is || before.key == now.key)) continue;
    e.dirty.insert(pull_secret_part_of(place.first, parts_));
    touched_.insert(copy);
  }
  choose_parts();
  if (!gathering_) gather();
}

/// As many as nodes need, with room between growing and shrinking.
void pull_secrets_state::choose_parts() {
  auto before = parts_;
  while (parts_ < pull_secret_parts_max && nodes_.size() > parts_ * pull_secret_part_nodes)
    parts_ *= 2;
  while (parts_ > 1 && nodes_.size() < parts_ * pull_secret_part_nodes / 4) parts_ /= 2;
  if (parts_ == before) return;
  for (auto& [copy, e] : copies_) {
    mark_all(e);
    touched_.insert(copy);
  }
}

/// The first change is followed at once, those after it together.
void pull_secrets_state::gather() {
  gathering_ = !touched_.empty();
  if (!gathering_) return;
  for (const auto& copy : std::exchange(touched_, {}))
    if (copies_.contains(copy)) proceed(copy);
  later(nodes_gathered_for, [this] { gather(); });
}

void pull_secrets_state::mark_all(entry& e) const {
  for (size_t i = 0; i < parts_; ++i) e.dirty.insert(i);
  for (const auto& [i, part] : e.parts) e.dirty.insert(i);
}

std::vector<base::recipient> pull_secrets_state::recipients(const entry& e, size_t part,
                                                            size_t parts) const {
  std::vector<base::recipient> found;
  if (part >= parts) return found;
  auto first = static_cast<uint16_t>(((part << 16U) + parts - 1) / parts);
  for (auto at = nodes_.lower_bound({first, {}});
       at != nodes_.end() && pull_secret_part_of(at->first.first, parts) == part; ++at)
    if (is_for(e.users, at->second.marks)) found.push_back({at->first.second, at->second.key});
  return found;
}

// -- when --

void pull_secrets_state::set_acting(bool acting) {
  acting_ = acting;
  if (!acting) return;
  port_.list_parts(
      here<std::vector<copied_part>>(pull_secrets_actor(self_), [this](const auto& found) {
        // The next leader, or cache, comes by; what is left does no harm.
        if (!found)
          log::warn("Cannot list copies of pull secrets", {{"error", found.error().message}});
        listed(found.value_or(std::vector<copied_part>()));
      }));
}

/// Copies from before: right ones need not be written again, and those of secrets that no cache
/// names any more go.
void pull_secrets_state::listed(const std::vector<copied_part>& found) {
  if (!acting_) return;
  for (auto& [copy, e] : copies_)
    if (!e.work.is_busy()) e.parts.clear();
  for (const auto& part : found) {
    auto known = parse_pull_secret_part(part.name);
    if (!known) {
      port_.drop_part(part.name, [](const result<done>&) {});
      continue;
    }
    auto& e = copies_[known->copy];
    if (!e.work.is_busy()) e.parts[known->part] = part;
  }
  for (auto& [copy, e] : copies_) {
    e.work.want();
    e.work.end_pause();
    e.reread.cut_short();
    mark_all(e);
    proceed(copy);
  }
}

void pull_secrets_state::proceed(const std::string& copy) {
  auto& e = copies_[copy];
  auto now = self_->clock().now();
  bool is_due = !e.dirty.empty() || e.users.empty() || (e.work.is_due() && !e.reread.lasts(now));
  if (!acting_ || e.waiting || !is_due || !e.work.may_begin(now)) return;
  GKM_ASSERT(!e.waiting);
  e.waiting = true;
  auto& t = tenants_[e.from.ns];
  t.copies.insert(copy);
  t.waiting.push_back(copy);
  if (t.waiting.size() == 1) admit(e.from.ns);
}

/// Into the line, as many as the namespace's allowance lets through.
void pull_secrets_state::admit(const std::string& ns) {
  auto& t = tenants_[ns];
  auto now = self_->clock().now();
  auto next = t.waiting.begin();
  for (; next != t.waiting.end() && t.budget.due(now).count() == 0; ++next) {
    t.budget.take(now);
    line_.push(ns, *next);
  }
  t.waiting.erase(t.waiting.begin(), next);
  if (!t.waiting.empty())
    later(t.budget.due(now), [this, ns] { admit(ns); });
  else if (t.copies.empty() && t.budget.is_full(now))
    tenants_.erase(ns);
  serve();
}

void pull_secrets_state::serve() {
  while (auto turn = line_.next()) {
    auto at = copies_.find(turn->item);
    if (at != copies_.end()) at->second.waiting = false;
    if (acting_ && at != copies_.end() && !at->second.work.is_busy())
      begin(turn->item, turn->tenant);
    else
      line_.done(turn->tenant);
  }
}

// -- one copy --

void pull_secrets_state::begin(const std::string& copy, const std::string& tenant) {
  auto& e = copies_[copy];
  auto work = std::make_shared<job>();
  work->copy = copy;
  work->ns = tenant;
  work->from = e.from;
  e.work.begin();
  if (e.users.empty()) {
    e.parts.try_emplace(0);
    return drop_all(work);
  }
  port_.read_login(e.from,
                   here<registry_login>(pull_secrets_actor(self_),
                                        [this, work](const auto& login) { taken(work, login); }));
}

void pull_secrets_state::taken(const shared_job& job, const result<registry_login>& login) {
  auto& e = copies_[job->copy];
  if (!login) {
    // Nobody may pull with what its owner took away.
    bool is_gone = login.error().code == errc::not_found || is_permanent(login.error().code);
    if (!is_gone) return end(job, fail(login.error()));
    job->outcome = fail(login.error());
    return drop_all(job);
  }
  if (e.version != login->version) mark_all(e);
  e.version = login->version;
  job->login = *login;
  // Part 0 says how many there are: it comes after the others of that number, before those beyond.
  job->parts = parts_;
  auto dirty = std::exchange(e.dirty, {});
  for (auto i = dirty.rbegin(); i != dirty.rend() && *i >= job->parts; ++i) job->todo.push_back(*i);
  if (dirty.contains(0)) job->todo.push_back(0);
  for (auto i : dirty)
    if (i > 0 && i < job->parts) job->todo.push_back(i);
  next_part(job);
}

void pull_secrets_state::drop_all(const shared_job& job) {
  auto& e = copies_[job->copy];
  e.version.clear();  // what is written after this is all written
  e.dirty.clear();
  for (const auto& [i, part] : e.parts) job->todo.push_back(i);
  next_part(job);
}

void pull_secrets_state::next_part(const shared_job& job) {
  auto& e = copies_[job->copy];
  GKM_ASSERT(e.work.is_busy());
  if (job->todo.empty()) return end(job, job->outcome);
  if (!acting_) return end(job, fail(errc::cancelled, "Not the leader any more"));
  auto i = job->todo.back();
  if (e.version.empty() || e.users.empty()) return drop(job, i);
  auto to = recipients(e, i, job->parts);
  if (i > 0 && to.empty()) return drop(job, i);
  copied_part part{pull_secret_part_name(job->copy, i), job->parts, e.version,
                   fingerprint(job->parts, to)};
  if (auto there = e.parts.find(i); there != e.parts.end() && there->second == part) {
    job->todo.pop_back();
    return next_part(job);
  }
  auto sealed = sealer_ ? sealer_->seal(job->login.text, part.name, to) : fail(sealer_.error());
  if (!sealed) return end(job, fail(sealed.error()));
  port_.write_part(
      job->from, part, *sealed,
      here<done>(pull_secrets_actor(self_), [this, job, i, part](const result<done>& written) {
        if (!written) return end(job, written);
        copies_[job->copy].parts[i] = part;
        job->todo.pop_back();
        next_part(job);
      }));
}

void pull_secrets_state::drop(const shared_job& job, size_t part) {
  auto& parts = copies_[job->copy].parts;
  if (!parts.contains(part)) {
    job->todo.pop_back();
    return next_part(job);
  }
  port_.drop_part(
      pull_secret_part_name(job->copy, part),
      here<done>(pull_secrets_actor(self_), [this, job, part](const result<done>& gone) {
        if (!gone) return end(job, gone);
        copies_[job->copy].parts.erase(part);
        job->todo.pop_back();
        next_part(job);
      }));
}

void pull_secrets_state::end(const shared_job& job, const result<done>& outcome) {
  auto& e = copies_[job->copy];
  e.dirty.insert(job->todo.begin(), job->todo.end());
  line_.done(job->ns);
  auto now = self_->clock().now();
  if (!outcome) {
    failed(job->copy, outcome.error());
  } else if (e.users.empty() && e.parts.empty()) {
    forget(job->copy);
  } else {
    e.work.succeeded();
    if (e.version.empty()) e.work.want();
    if (!e.work.is_due()) {
      e.reread.begin(now, between_reads);
      self_->delayed_send(self_, between_reads, flush_atom_v, job->copy);
    }
    proceed(job->copy);
  }
  serve();
}

void pull_secrets_state::failed(const std::string& copy, const error& e) {
  auto& which = copies_[copy];
  auto next = which.work.failed(e, self_->clock().now(), chance_());
  if (next.is_first && e.code != errc::cancelled)
    log::warn("Cannot keep a copy of a pull secret",
              {{"secret", which.from.ns + "/" + which.from.name}, {"error", e.message}});
  self_->delayed_send(self_, next.pause, flush_atom_v, copy);
}

void pull_secrets_state::forget(const std::string& copy) {
  auto ns = copies_[copy].from.ns;
  copies_.erase(copy);
  auto& t = tenants_[ns];
  t.copies.erase(copy);
  // Its allowance is not forgotten with its last copy, or it would come back full.
  if (t.copies.empty())
    later(between_copies_of_namespace * copies_in_a_row_max, [this, ns] {
      if (tenants_.contains(ns)) admit(ns);
    });
}

}  // namespace gkm::op
