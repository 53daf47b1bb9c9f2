#include "cli/cluster/cluster_feed.hpp"

#include "cli/cluster/cluster_errors.hpp"
#include "k8s/objects/types.hpp"
#include "k8s/watcher.hpp"

#include <algorithm>

namespace gkm::cli {
namespace {

constexpr uint32_t busy_answers_max = 4;  // of a server that asks to come back later
constexpr size_t unreadable_max = 1'000;

using lock = std::unique_lock<std::mutex>;

bool are_caches(const k8s::resource& what) {
  return what.kind == k8s::gkm_caches.kind || what.kind == k8s::cluster_gkm_caches.kind;
}

}  // namespace

cluster_feed::cluster_feed(k8s::client& from, cluster_scope scope)
    : from_(from), scope_(std::move(scope)), picture_(scope_.name) {
  // Callbacks may come at once; they wait until all sources are in their places.
  lock held(mutex_);
  k8s::selection caches;
  caches.label_selector = scope_.selector;
  if (!scope_.name.empty()) caches.field_selector = "metadata.name=" + scope_.name;
  auto in_namespace = caches;
  in_namespace.ns = scope_.ns;
  follow(k8s::gkm_caches, in_namespace);
  follow(k8s::gkm_cache_nodes, {.ns = scope_.ns, .label_selector = {}, .field_selector = {}});
  if (!scope_.with_cluster) return;
  follow(k8s::cluster_gkm_caches, caches);
  follow(k8s::cluster_gkm_cache_nodes, {});
}

cluster_feed::~cluster_feed() {
  for (auto& s : sources_) s->watch->stop();
}

void cluster_feed::follow(const k8s::resource& what, const k8s::selection& which) {
  auto& s = *sources_.emplace_back(std::make_unique<source>(source{&what, nullptr}));
  k8s::watch_callbacks callbacks;
  callbacks.changed = [this, &what](const k8s::object& o) { changed(what, o); };
  callbacks.deleted = [this, &what](const k8s::gone_object& gone) { deleted(what, gone.key); };
  callbacks.synced = [this, &s] {
    lock held(mutex_);
    s.stands = progress::whole;
    notify();
  };
  callbacks.trouble = [this, &s](const error* why) {
    lock held(mutex_);
    if (why) return failed(s, *why);
    s.trouble.clear();
    notify();
  };
  k8s::watch_options options;
  options.which = which;
  s.watch = std::make_unique<k8s::watcher>(from_, what, std::move(options), std::move(callbacks));
}

void cluster_feed::changed(const k8s::resource& what, const k8s::object& o) {
  lock held(mutex_);
  auto name = std::string(what.kind) + " " + o.key().str();
  auto take = [&](auto parsed) {
    if (parsed) {
      unreadable_.erase(name);
      picture_.put(std::move(*parsed));
    } else if (unreadable_.size() < unreadable_max) {
      unreadable_[name] = parsed.error().message;
    }
  };
  if (are_caches(what))
    take(k8s::parse_cache(o));
  else
    take(k8s::parse_node_report(o));
  notify();
}

void cluster_feed::deleted(const k8s::resource& what, const k8s::object_key& key) {
  lock held(mutex_);
  unreadable_.erase(std::string(what.kind) + " " + key.str());
  if (are_caches(what))
    picture_.drop({key.ns, key.name});
  else
    picture_.drop_report(key.ns, key.name);
  notify();
}

void cluster_feed::failed(source& s, const error& why) {
  auto said = explain(why, *s.what, s.what->namespaced ? scope_.ns : std::string(), from_.where());
  if (s.stands == progress::whole) {
    s.trouble = said.message;
  } else if (!s.what->namespaced && is_forbidden(why)) {
    s.stands = progress::left_out;
    s.watch->stop();
  } else if (why.retry_after.count() == 0 || ++s.failures == busy_answers_max) {
    if (!failure_) failure_ = said;
  }
  notify();
}

void cluster_feed::notify() {
  news_ = true;
  woken_.notify_all();
}

result<void> cluster_feed::wait_until_whole() {
  lock held(mutex_);
  woken_.wait(held, [&] {
    return failure_ || std::all_of(sources_.begin(), sources_.end(),
                                   [](const auto& s) { return s->stands != progress::listing; });
  });
  if (failure_) return fail(*failure_);
  return {};
}

void cluster_feed::wait_for_news(std::chrono::milliseconds limit) {
  lock held(mutex_);
  woken_.wait_for(held, limit, [&] { return news_; });
  news_ = false;
}

void cluster_feed::look(const std::function<void(cluster_snapshot&)>& f) {
  lock held(mutex_);
  f(picture_);
}

std::vector<std::string> cluster_feed::notes() const {
  lock held(mutex_);
  std::vector<std::string> all;
  // Caches come before their reports, and one note is enough.
  auto out = std::find_if(sources_.begin(), sources_.end(),
                          [](const auto& s) { return s->stands == progress::left_out; });
  if (out != sources_.end()) all.push_back(note_of_forbidden(*(*out)->what));
  for (const auto& [object, why] : unreadable_) all.push_back(object + " cannot be read: " + why);
  return all;
}

std::string cluster_feed::trouble() const {
  lock held(mutex_);
  for (const auto& s : sources_)
    if (!s->trouble.empty()) return s->trouble;
  return {};
}

}  // namespace gkm::cli
