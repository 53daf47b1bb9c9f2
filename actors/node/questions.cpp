#include "actors/node/questions.hpp"

namespace gkm::node {

questions::~questions() {
  for (auto& [who, q] : asked_) {
    q.stop.request_stop();
    q.refuse({errc::cancelled, "The puller is shutting down", {}});
  }
}

void questions::ask(const cache_ref& who, const image_ref& image, work begin, refusal refuse) {
  auto at = asked_.find(who);
  if (at != asked_.end() && !at->second.running) {
    // It has waited already, and keeps its place in the line.
    auto& q = at->second;
    auto earlier = std::exchange(q.refuse, std::move(refuse));
    q.image = image;
    q.begin = std::move(begin);
    return earlier({errc::cancelled, "Asked again", {}});
  }
  if (at != asked_.end()) end(who, {errc::cancelled, "Asked again", {}});
  if (turns_.push(who.ns, who) != base::turn_entry::queued)
    return refuse({errc::busy, "Too many images wait to be resolved", {}});
  asked_[who] = {next_id_++, image, std::move(begin), std::move(refuse), {}, false};
  start_due();
}

bool questions::answered(const cache_ref& who, uint64_t id) {
  auto at = asked_.find(who);
  if (at == asked_.end() || at->second.id != id) return false;
  turns_.done(who.ns);
  asked_.erase(at);
  start_due();
  return true;
}

void questions::abandon(const cache_ref& who) {
  end(who, {errc::cancelled, "Not wanted any more", {}});
}

void questions::start_due() {
  while (auto turn = turns_.next()) {
    auto& q = asked_.at(turn->item);
    q.running = true;
    later_(question_max, [this, who = turn->item, id = q.id] { expire(who, id); });
    q.begin(q.id, q.stop.get_token());
  }
}

void questions::expire(const cache_ref& who, uint64_t id) {
  auto at = asked_.find(who);
  if (at == asked_.end() || at->second.id != id) return;
  end(who, {errc::unavailable,
            "Failed to resolve '" + at->second.image.str() +
                "': its registry did not send all that was asked for within " +
                std::to_string(question_max.count()) + " s",
            {}});
}

void questions::end(const cache_ref& who, const error& why) {
  auto node = asked_.extract(who);
  if (!node) return;
  auto& q = node.mapped();
  q.stop.request_stop();
  if (q.running)
    turns_.done(who.ns);
  else
    turns_.remove(who);
  q.refuse(why);
  start_due();
}

}  // namespace gkm::node
