#include "k8s/lister.hpp"

#include "messages/json/json.hpp"

#include <algorithm>

namespace gkm::k8s {
namespace {

constexpr size_t smaller_chunks = 8;  // times
constexpr int max_restarts = 3;
constexpr size_t max_items = 1'000'000;

}  // namespace

void lister::start(std::shared_ptr<connection> on, const resource& what, const selection& which,
                   answer<object_list> reply, keeping what_of_them) {
  std::shared_ptr<lister>(new lister(std::move(on), what, which, std::move(reply), what_of_them))
      ->ask();
}

void lister::ask() {
  query q;
  q.add("labelSelector", which_.label_selector).add("fieldSelector", which_.field_selector);
  // A list that keeps outgrowing its moment is asked for at once.
  q.add("limit", restarts_ < max_restarts ? std::to_string(chunk_items_) : "");
  q.add("continue", continue_);
  on_->send(
      {"Failed to list " + std::string(what_.plural), "GET", what_.collection(which_.ns) + q.str()},
      [self = shared_from_this()](const result<std::string>& body) { self->take(body); });
}

void lister::take(const result<std::string>& body) {
  if (!body && body.error().code == errc::limit_exceeded && chunk_items_ > 1) {
    // Some objects are large, as the reports of nodes with many caches.
    chunk_items_ = std::max<size_t>(chunk_items_ / smaller_chunks, 1);
    restarts_ = 0;
    return ask();
  }
  if (!body) {
    bool anew = body.error().code == errc::expired && !continue_.empty();
    if (!anew) return reply_(fail(body.error()));
    ++restarts_;
    continue_.clear();
    found_ = {};
    return ask();
  }
  auto next = add(*body);
  if (!next)
    return reply_(
        wrap(next.error(), "Failed to list " + std::string(what_.plural) + ": the answer"));
  continue_ = std::move(*next);
  if (continue_.empty()) return reply_(std::move(found_));
  ask();
}

// What `continue` says, for the next chunk.
result<std::string> lister::add(const std::string& body) {
  auto document = json::parse(body);
  if (!document) return fail(document.error());
  error problem;
  json::reader list(*document, "", problem);
  std::string next;
  list.object("metadata", [&](json::reader metadata) {
    found_.resource_version = metadata.text_or("resourceVersion");
    next = metadata.text_or("continue");
  });
  if (problem.code != errc::none) return fail(std::move(problem));
  auto items = document->FindMember("items");
  if (items == document->MemberEnd() || items->value.IsNull()) return next;
  if (!items->value.IsArray()) return fail(errc::malformed, "items must be an array");
  if (items->value.Size() > max_items - found_.items.size())
    return fail(errc::limit_exceeded, "more than " + std::to_string(max_items) + " items");
  for (auto& item : items->value.GetArray()) {
    if (keeping_ == keeping::no_data && item.IsObject()) item.RemoveMember("data");
    auto o = object::copy(item);
    if (!o) return wrap(o.error(), "item " + std::to_string(found_.items.size()));
    found_.items.push_back(std::move(*o));
  }
  return next;
}

}  // namespace gkm::k8s
