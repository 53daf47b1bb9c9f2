#include "tests/support/kube/fake_api.hpp"

#include "tests/support/kube/fake_store.hpp"

#include <condition_variable>
#include <mutex>

namespace gkm::support {
namespace {

std::string decoded(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::map<std::string, std::string> query_of(const std::string& target) {
  std::map<std::string, std::string> all;
  auto at = target.find('?');
  while (at != std::string::npos) {
    auto end = target.find('&', at + 1);
    auto pair = target.substr(at + 1, end == std::string::npos ? end : end - at - 1);
    auto equals = pair.find('=');
    all[pair.substr(0, equals)] = decoded(pair.substr(equals + 1));
    at = end;
  }
  return all;
}

reply json_reply(int status, std::string body) {
  return {status, std::move(body), {{"Content-Type", "application/json"}}};
}

std::string event_line(const char* type, const std::string& object) {
  return R"({"type":")" + std::string(type) + R"(","object":)" + object + "}\n";
}

std::string bookmark_line(uint64_t version, bool ends_initial) {
  auto annotations =
      ends_initial ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : std::string();
  return event_line("BOOKMARK", R"({"metadata":{"resourceVersion":")" + std::to_string(version) +
                                    "\"" + annotations + "}}");
}

}  // namespace

class fake_api::impl {
public:
  explicit impl(const fake_api_options& options)
      : streaming_list_(options.streaming_list),
        token_(options.token),
        server_([this](const seen_request& r) { return answer(r); }, options.tls) {}

  template <class F>
  auto locked(F f) {
    std::lock_guard lock(mutex_);
    return f();
  }
  template <class F>
  void change(F f) {
    locked([&] {
      f();
      return 0;
    });
    changed_.notify_all();
  }

  reply answer(const seen_request& r) {
    std::function<std::optional<reply>(const seen_request&)> first;
    {
      std::lock_guard lock(mutex_);
      first = intercept_;
      if (!token_.empty() && r.header("authorization") != "Bearer " + token_)
        return status(401, "Unauthorized", "Unauthorized");
    }
    if (first)
      if (auto given = first(r)) return *given;
    auto at = api_path::parse(decoded(r.path()));
    if (!at) return status(404, "NotFound", "no such path");
    if (r.method != "GET") return write(r, *at);
    auto q = query_of(r.target);
    if (!at->name.empty()) return from(locked([&] { return store_.get(*at); }));
    store_selection which{at->collection, at->ns, q["labelSelector"], q["fieldSelector"]};
    return q["watch"] == "1" || q["watch"] == "true" ? watch(which, q) : list(which, q);
  }

  reply write(const seen_request& r, const api_path& at) {
    auto kind = r.header("content-type");
    auto done = locked([&]() -> store_answer {
      if (r.method == "POST") return store_.create(at, r.body);
      if (r.method == "PUT") return store_.replace(at, r.body);
      if (r.method == "DELETE") return store_.remove(at, r.body);
      if (kind == "application/apply-patch+yaml") return store_.merge(at, r.body, true);
      if (kind == "application/merge-patch+json") return store_.merge(at, r.body, false);
      return {415, make_status(415, "UnsupportedMediaType", kind)};
    });
    changed_.notify_all();
    return from(done);
  }

  reply list(const store_selection& which, std::map<std::string, std::string>& q) {
    std::lock_guard lock(mutex_);
    auto all = store_.list(which);
    size_t first = 0;
    auto version = store_.version();
    if (auto token = q["continue"]; !token.empty()) {
      version = std::stoull(token.substr(0, token.find(':')));
      first = std::stoull(token.substr(token.find(':') + 1));
      if (!store_.since(version))
        return status(410, "Expired",
                      "The provided continue parameter is "
                      "too old");
    }
    size_t limit = q["limit"].empty() ? all.size() : std::stoull(q["limit"]);
    if (chunk_ > 0 && !q["limit"].empty()) limit = chunk_;
    auto last = std::min(all.size(), first + limit);
    std::string items;
    for (auto i = first; i < last; ++i) items += (i > first ? "," : "") + print_json(*all[i]);
    auto next = last < all.size() ? std::to_string(version) + ":" + std::to_string(last) : "";
    return json_reply(200, R"({"kind":"List","metadata":{"resourceVersion":")" +
                               std::to_string(version) + R"(","continue":")" + next +
                               R"("},"items":[)" + items + "]}");
  }

  reply watch(const store_selection& which, std::map<std::string, std::string>& q) {
    bool initial = q["sendInitialEvents"] == "true";
    if (initial && !streaming_list_)
      return status(422, "Invalid", "sendInitialEvents is forbidden for watch");
    uint64_t version = q["resourceVersion"].empty() ? 0 : std::stoull(q["resourceVersion"]);
    bool known = locked([&] { return store_.since(version).has_value(); });
    if (!initial && !known) return status(410, "Expired", "too old resource version");
    reply r;
    r.stream = [=, this](const body_writer& write, std::stop_token stop) {
      run_watch(which, initial, version, write, std::move(stop));
    };
    return r;
  }

  struct seen_so_far {
    uint64_t version;
    uint64_t bookmarks;
    uint64_t ends;
    uint64_t forgets;
  };

  void run_watch(const store_selection& which, bool initial, uint64_t version,
                 const body_writer& write, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    ++watches_;
    changed_.notify_all();
    seen_so_far seen{version, bookmarks_, ends_, forgets_};
    std::string lines;
    if (initial) {
      for (const auto& o : store_.list(which)) lines += event_line("ADDED", print_json(*o));
      seen.version = store_.version();
      lines += bookmark_line(seen.version, true);
    }
    for (bool goes_on = true; goes_on;) {
      if (seen.forgets != forgets_) {
        lines += event_line("ERROR", print_json(*make_status(410, "Expired", "too old")));
        goes_on = false;
      } else {
        lines += news(which, seen);
        goes_on = seen.ends == ends_;
      }
      lock.unlock();
      goes_on = (lines.empty() || write(lines)) && goes_on;
      lines.clear();
      lock.lock();
      auto moved = [&] {
        return seen.forgets != forgets_ || seen.ends != ends_ || seen.bookmarks != bookmarks_ ||
               seen.version != store_.version();
      };
      goes_on = goes_on && changed_.wait(lock, stop, moved);
    }
    --watches_;
    changed_.notify_all();
  }

  std::string news(const store_selection& which, seen_so_far& seen) {
    std::string lines;
    const auto later = store_.since(seen.version);
    for (const auto& e : *later) {
      if (e.collection != which.collection) continue;
      bool was = which.matches(e.before);
      bool is = which.matches(e.after);
      if (is)
        lines += event_line(was ? "MODIFIED" : "ADDED", print_json(*e.after));
      else if (was)
        lines += event_line("DELETED", print_json(*(e.after ? e.after : e.before)));
    }
    seen.version = store_.version();
    if (seen.bookmarks != bookmarks_) lines += bookmark_line(seen.version, false);
    seen.bookmarks = bookmarks_;
    return lines;
  }

  static reply from(const store_answer& a) { return json_reply(a.status, print_json(*a.object)); }
  static reply status(int code, const std::string& reason, const std::string& message) {
    return json_reply(code, print_json(*make_status(code, reason, message)));
  }

  const bool streaming_list_;
  const size_t chunk_ = 2;
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::string token_;
  std::function<std::optional<reply>(const seen_request&)> intercept_;
  fake_store store_;
  size_t watches_ = 0;
  uint64_t bookmarks_ = 0;
  uint64_t ends_ = 0;
  uint64_t forgets_ = 0;
  fault_server server_;  ///< last: its threads use all of the above
};

fake_api::fake_api(fake_api_options options) : impl_(std::make_unique<impl>(options)) {}
fake_api::~fake_api() = default;

std::string fake_api::url() const { return impl_->server_.url(""); }
fault_server& fake_api::server() { return impl_->server_; }

std::string fake_api::put(const std::string& path, const std::string& json) {
  auto at = *api_path::parse(path);
  store_answer done;
  impl_->change([&] {
    auto& store = impl_->store_;
    done = store.get(at).status == 200 ? store.replace(at, json) : store.create(at, json);
    rapidjson::Document body;
    body.Parse(json);
    if (body.HasMember("status"))
      done = store.replace({at.collection, at.ns, at.name, "status"}, json);
  });
  if (done.status >= 300) throw std::runtime_error(print_json(*done.object));
  return (*done.object)["metadata"]["resourceVersion"].GetString();
}

void fake_api::remove(const std::string& path) {
  impl_->change([&] { impl_->store_.remove(*api_path::parse(path), "{}"); });
}

std::string fake_api::get(const std::string& path) const {
  auto found = impl_->locked([&] { return impl_->store_.get(*api_path::parse(path)); });
  return found.status == 200 ? print_json(*found.object) : "";
}

void fake_api::intercept(std::function<std::optional<reply>(const seen_request&)> f) {
  impl_->change([&] { impl_->intercept_ = std::move(f); });
}

void fake_api::require_token(const std::string& token) {
  impl_->change([&] { impl_->token_ = token; });
}

void fake_api::send_bookmarks() {
  impl_->change([&] { ++impl_->bookmarks_; });
}

void fake_api::end_watches() {
  impl_->change([&] { ++impl_->ends_; });
}

void fake_api::forget_history() {
  impl_->change([&] {
    impl_->store_.forget_history();
    ++impl_->forgets_;
  });
}

size_t fake_api::watches() const {
  return impl_->locked([&] { return impl_->watches_; });
}

void fake_api::wait_for_watches(size_t count) const {
  std::unique_lock lock(impl_->mutex_);
  impl_->changed_.wait(lock, [&] { return impl_->watches_ == count; });
}

std::vector<std::string> fake_api::targets(const std::string& containing) const {
  std::vector<std::string> found;
  for (const auto& r : impl_->server_.requests())
    if (r.method == "GET" && r.target.find(containing) != std::string::npos)
      found.push_back(r.target);
  return found;
}

}  // namespace gkm::support
