#include "tests/support/sim_ports.hpp"

namespace gkm::sim {
namespace {

constexpr int64_t fetch_steps = 8;

error unavailable() { return {errc::unavailable, "the registry does not answer", {}}; }

}  // namespace

// -- images -------------------------------------------------------------------------------------

void fake_images::resolve(const cache_spec& wanted, const std::vector<gpu>&,
                          answer<image_plan> reply) {
  auto& c = world_.chaos();
  if (c.strikes()) return;  // the answer is lost
  auto delay = c.strikes() ? c.between(10'000, 100'000) : c.between(1, 200);
  world_.after(delay, [this, image = wanted.image, reply] {
    if (world_.chaos().strikes()) return reply(fail(unavailable()));
    if (world_.chaos().strikes()) {
      error busy{errc::unavailable, "429", std::chrono::seconds(world_.chaos().below(60))};
      return reply(fail(busy));
    }
    auto it = tags.find(image.str());
    if (it == tags.end()) return reply(fail(errc::not_found, "no such tag"));
    const auto& i = it->second;
    reply(image_plan{image, i.manifest, i.manifest, i.bytes, i.bytes, i.label, {}});
  });
}

const fake_image* fake_images::find(const digest& manifest) const {
  for (const auto& [ref, image] : tags)
    if (image.manifest == manifest) return &image;
  return nullptr;
}

struct fake_images::job {
  image_plan plan;
  fake_image image;
  std::string staging;
  std::function<void(uint64_t, uint64_t)> progress;
  std::stop_token stop;
  answer<stored_cache> reply;
  int64_t step = 0;
};

void fake_images::fetch(const image_plan& plan, const std::string& staging,
                        std::function<void(uint64_t, uint64_t)> progress, std::stop_token stop,
                        answer<stored_cache> reply) {
  ++in_flight;
  auto done = [this, reply](result<stored_cache> outcome) {
    --in_flight;
    reply(std::move(outcome));
  };
  const auto* image = find(plan.manifest);
  if (!image) {
    world_.after(duration(1), [done] { done(fail(errc::not_found, "the tag has moved")); });
    return;
  }
  step(std::make_shared<job>(job{plan, *image, staging, std::move(progress), stop, done}));
}

void fake_images::step(std::shared_ptr<job> j) {
  auto& c = world_.chaos();
  if (c.strikes()) {
    // Hangs for ever, unless it is told to stop.
    auto stopped = [this, reply = j->reply] {
      world_.after(duration(10), [reply] { reply(fail(errc::cancelled, "stopped")); });
    };
    hung_.push_back(std::make_unique<std::stop_callback<std::function<void()>>>(j->stop, stopped));
    return;
  }
  auto delay = c.strikes() ? c.between(1'000, 60'000) : c.between(1, 100);
  world_.after(delay, [this, j] {
    auto& chance = world_.chaos();
    if (j->stop.stop_requested()) return j->reply(fail(errc::cancelled, "stopped"));
    if (chance.strikes()) return j->reply(fail(unavailable()));
    if (chance.strikes()) return j->reply(fail(errc::corrupt, "wrong digest"));
    auto& content = disk->staging[j->staging];
    auto part = j->image.bytes / fetch_steps;
    if (disk->used_bytes() + part > disk->capacity_bytes)
      return j->reply(fail(errc::no_space, "disk full"));
    content.manifest = j->image.manifest;
    content.bytes += part;
    if (j->image.hostile && j->step == fetch_steps / 2)
      return j->reply(fail(errc::refused, "entry '../x' leaves the cache"));
    if (++j->step < fetch_steps) {
      j->progress(content.bytes, j->image.bytes);
      return step(j);
    }
    content.whole = true;
    j->reply(stored_cache{j->image.manifest, "triton", 3, j->image.bytes, j->image.kernels, {}, 1});
  });
}

// -- disk ---------------------------------------------------------------------------------------

/// The effect happens, later comes the answer: a crash between the two loses only the answer.
template <class T>
void fake_disk::carry_out(std::function<result<T>()> effect, answer<T> reply) {
  world_.after(world_.chaos().between(0, 20), [this, effect, reply] {
    result<T> outcome =
        world_.chaos().strikes() ? result<T>(fail(errc::io, "input/output error")) : effect();
    world_.after(world_.chaos().between(0, 20), [reply, outcome] { reply(outcome); });
  });
}

/// Records and forgets happen in the order they were asked.
duration fake_disk::in_order() {
  auto at = std::max(world_.now_ms() + static_cast<int64_t>(world_.chaos().below(20)),
                     last_record_ms_ + 1);
  last_record_ms_ = at;
  return duration(at - world_.now_ms());
}

uint64_t fake_disk::used_bytes() const {
  uint64_t used = 0;
  for (const auto& [dir, c] : staging) used += c.bytes;
  for (const auto& [d, s] : store) used += s.content.bytes;
  for (const auto& [d, s] : taken_out) used += s.content.bytes;
  return used;
}

void fake_disk::lose_power() {
  ++boot;
  auto& c = world_.chaos();
  for (auto* place : {&store, &taken_out})
    for (auto& [d, s] : *place)
      if (s.unsynced_boot != 0 && c.one_in(2)) s.content.whole = false;
  for (auto it = records.begin(); it != records.end();)
    it = c.one_in(4) ? records.erase(it) : std::next(it);
}

void fake_disk::recover(answer<recovered> reply) {
  carry_out<recovered>(
      [this]() -> result<recovered> {
        staging.clear();
        store.merge(taken_out);
        taken_out.clear();
        std::erase_if(store, [this](const auto& entry) {
          return entry.second.unsynced_boot != 0 && entry.second.unsynced_boot != boot;
        });
        recovered found;
        for (const auto& [d, s] : store) {
          found.stored.push_back(s.facts);
          if (s.unsynced_boot != 0) found.unsynced.push_back(d);
        }
        for (const auto& [ref, r] : records) found.records.push_back(r);
        for (const auto& [ref, s] : *statuses)
          if (!records.contains(ref))
            found.records.push_back({ref, {}, {}, {}, cache_state::error, {}, {}});
        return found;
      },
      std::move(reply));
}

void fake_disk::stage(uint64_t needed_bytes, answer<std::string> reply) {
  carry_out<std::string>(
      [=, this]() -> result<std::string> {
        if (needed_bytes > capacity_bytes || used_bytes() > capacity_bytes - needed_bytes)
          return fail(errc::no_space, "disk full");
        auto dir = "staging/" + std::to_string(next_dir_++);
        staging[dir] = {};
        return dir;
      },
      std::move(reply));
}

void fake_disk::publish(const std::string& dir, const stored_cache& facts, answer<done> reply) {
  carry_out<done>(
      [=, this]() -> result<done> {
        if (store.contains(facts.manifest)) return fail(errc::io, "already exists");
        auto staged = staging.extract(dir);
        if (!staged) return fail(errc::io, "no such staging directory");
        store[facts.manifest] = {facts, staged.mapped(), boot, next_inode_++};
        return done{};
      },
      std::move(reply));
}

void fake_disk::sync(const digest& manifest, answer<done> reply) {
  carry_out<done>(
      [=, this]() -> result<done> {
        if (auto it = store.find(manifest); it != store.end()) it->second.unsynced_boot = 0;
        return done{};
      },
      std::move(reply));
}

void fake_disk::discard(const std::string& dir, answer<done> reply) {
  carry_out<done>(
      [=, this]() -> result<done> {
        staging.erase(dir);
        return done{};
      },
      [this, dir, reply](result<done> outcome) {
        // A sweep that failed leaves the rest to the next start; so that "nothing leaks" can be
        // checked, here it is tried again.
        if (!outcome) return discard(dir, reply);
        reply(outcome);
      });
}

void fake_disk::remove(const digest& manifest, answer<done> reply) {
  world_.after(world_.chaos().between(0, 20), [this, manifest, reply] {
    if (world_.chaos().strikes()) return reply(fail(errc::io, "input/output error"));
    auto gone = store.extract(manifest);
    if (!gone) return reply(done{});
    taken_out.insert(std::move(gone));
    world_.after(world_.chaos().between(0, 20), [this, manifest, reply] {
      bool used = is_in_use(manifest);
      world_.after(world_.chaos().between(0, 20),
                   [this, manifest, used, reply] { decide(manifest, used, reply); });
    });
  });
}

void fake_disk::decide(const digest& manifest, bool used, answer<done> reply) {
  auto taken = taken_out.extract(manifest);
  if (used || world_.chaos().strikes()) {
    store.insert(std::move(taken));
    return reply(used ? fail(errc::busy, "in use") : fail(errc::io, "input/output error"));
  }
  auto trash = "staging/" + std::to_string(next_dir_++);
  staging[trash] = taken.mapped().content;
  staging[trash].whole = false;
  discard(trash, reply);
}

void fake_disk::write_record(const catalog_record& record, answer<std::string> reply) {
  world_.after(in_order(), [this, record, reply] {
    result<std::string> outcome = record.ref.name;
    if (world_.chaos().strikes())
      outcome = fail(errc::no_space, "disk full");
    else
      records[record.ref] = record;
    world_.after(world_.chaos().between(0, 20), [reply, outcome] { reply(outcome); });
  });
}

void fake_disk::forget(const cache_ref& ref, answer<done> reply) {
  world_.after(in_order(), [this, ref, reply] {
    result<done> outcome = done{};
    if (world_.chaos().strikes())
      outcome = fail(errc::io, "input/output error");
    else
      records.erase(ref), statuses->erase(ref);
    world_.after(world_.chaos().between(0, 20), [reply, outcome] { reply(outcome); });
  });
}

// -- status, inventory --------------------------------------------------------------------------

void fake_status::write(const cache_status& status, answer<done> reply) {
  world_.after(world_.chaos().between(0, 50), [this, status, reply] {
    if (world_.chaos().strikes()) return reply(fail(errc::io, "input/output error"));
    if (on_write) on_write(status);
    seen[status.ref] = status;
    reply(done{});
  });
}

void fake_status::erase(const cache_ref& ref, answer<done> reply) {
  world_.after(world_.chaos().between(0, 50), [this, ref, reply] {
    if (world_.chaos().strikes()) return reply(fail(errc::io, "input/output error"));
    seen.erase(ref);
    reply(done{});
  });
}

void fake_inventory::watch(std::function<void(result<std::vector<gpu>>)> changed) {
  changed_ = std::move(changed);
  world_.after(world_.chaos().between(0, 50), [this] {
    if (changed_) changed_(gpus_);
  });
}

void fake_inventory::set(std::vector<gpu> gpus) {
  gpus_ = std::move(gpus);
  if (changed_) changed_(gpus_);
}

}  // namespace gkm::sim
