/// What an agent is asked for: caches that are wanted and withdrawn, tags that move, GPUs that
/// change, a disk that fills.
#pragma once

#include "hip.hpp"
#include "node_rules.hpp"

#include <set>
#include <vector>

namespace gkm::sim {

class demand {
public:
  static constexpr size_t tag_names = 6;

  demand(world& w, fake_node& n, agent& a, node_rules& r, std::vector<cache_ref> refs)
      : world_(w), node_(n), agent_(a), rules_(r), refs_(std::move(refs)) {
    agent_.inventory.set({gpu_of("gfx90a")});
    agent_.keep_unneeded = std::chrono::seconds(chance().one_in(2) ? 0 : 30);
    for (size_t i = 0; i < tag_names - 1; ++i) push(i);
  }

  const cache_ref& pick() { return refs_[chance().below(refs_.size())]; }

  /// A life of the agent begins: it is told all that is wanted.
  void start_agent() {
    agent_.start();
    for (const auto& [ref, image] : rules_.wanted)
      caf::anon_send(agent_.node(), changed_atom_v, cache_spec{ref, image, login_of(ref)});
    caf::anon_send(agent_.node(), synced_atom_v);
  }

  void want_any_image(const cache_ref& ref) { want(ref, tag_ref(chance().below(tag_names))); }

  void withdraw(const cache_ref& ref) {
    rules_.wanted.erase(ref);
    if (agent_.alive()) caf::anon_send(agent_.node(), deleted_atom_v, ref);
  }
  void withdraw_all() {
    for (const auto& ref : refs_) withdraw(ref);
  }

  void disturb() {
    if (chance().one_in(2)) want_any_image(pick());
    if (chance().one_in(6)) withdraw(pick());
    if (chance().one_in(8)) push(chance().below(tag_names));
    if (chance().one_in(12))
      agent_.inventory.set({gpu_of(chance().one_in(2) ? "gfx90a" : "gfx942")});
    if (chance().one_in(6)) node_.capacity_bytes = chance().one_in(2) ? 60 : 1'000;
  }

  /// The causes of failures go away: tags exist, the disk is large.
  void heal() {
    node_.capacity_bytes = 100'000;
    for (size_t i = 0; i < tag_names; ++i)
      if (!agent_.images.tags.contains(tag_ref(i).str())) push(i);
  }
  void move_tags() {
    for (size_t i = 0; i < tag_names; ++i) push(i);
    ask_again();
  }
  /// People touch what a moved tag concerns.
  void ask_again() {
    for (const auto& [ref, image] : rules_.wanted)
      if (moved_.contains(image.str())) want(ref, image);
  }

private:
  chaos& chance() { return world_.chaos(); }

  static image_ref tag_ref(size_t i) {
    return {
        i % 3 == 2 ? "mirror.example" : "registry.example", "cache", "t" + std::to_string(i), {}};
  }

  void push(size_t tag) {
    fake_image image;
    image.manifest.hex = std::string(62, 'a') + std::to_string(10 + manifests_++ % 90);
    const char* archs[] = {"gfx90a", "gfx90a", "gfx942"};
    const auto* arch = archs[chance().below(3)];
    if (!chance().one_in(6)) image.kernels = {hip(arch)};
    if (chance().one_in(2)) image.label = {hip(chance().one_in(8) ? "gfx942" : arch)};
    image.bytes = 8 * (1 + chance().below(10));
    image.hostile = chance().one_in(8);
    // Or what lies under another name, too, maybe in another registry.
    auto other = agent_.images.tags.find(tag_ref(chance().below(tag_names)).str());
    if (other != agent_.images.tags.end() && chance().one_in(3)) image = other->second;
    agent_.images.tags[tag_ref(tag).str()] = image;
    moved_.insert(tag_ref(tag).str());
  }

  void want(const cache_ref& ref, const image_ref& image) {
    rules_.wanted[ref] = image;
    if (agent_.alive())
      caf::anon_send(agent_.node(), changed_atom_v, cache_spec{ref, image, login_of(ref)});
  }

  world& world_;
  fake_node& node_;
  agent& agent_;
  node_rules& rules_;
  const std::vector<cache_ref> refs_;
  std::set<std::string> moved_;
  uint64_t manifests_ = 0;
};

}  // namespace gkm::sim
