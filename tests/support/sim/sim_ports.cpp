#include "tests/support/sim/sim_ports.hpp"

#include "actors/node/origins.hpp"

namespace gkm::sim {
namespace {

error unavailable() { return {errc::unavailable, "the registry does not answer", {}}; }

}  // namespace

// -- images -------------------------------------------------------------------------------------

void fake_images::wait(std::optional<duration> time, const std::stop_token& stop,
                       std::function<void()> then, std::function<void()> stopped) {
  auto over = std::make_shared<bool>(false);
  if (time)
    process_.after(*time, [over, then = std::move(then)] {
      if (!std::exchange(*over, true)) then();
    });
  auto on_stop = [this, over, stopped = std::move(stopped)] {
    if (!std::exchange(*over, true)) process_.after(duration(10), stopped);
  };
  waits_.push_back(std::make_unique<std::stop_callback<std::function<void()>>>(stop, on_stop));
}

void fake_images::resolve(const cache_spec& wanted, const std::vector<gpu>&, std::stop_token stop,
                          answer<image_plan> reply) {
  auto& c = process_.chaos();
  std::optional<duration> delay;  // none: hangs
  if (!c.strikes()) delay = c.strikes() ? c.between(10'000, 100'000) : c.between(1, 200);
  auto tag = tags.find(wanted.image.str());
  if (tag != tags.end() && tag->second.manifest_takes > duration(0))
    delay = tag->second.manifest_takes;
  auto answered = [this, wanted, reply] {
    if (process_.chaos().strikes()) return reply(fail(unavailable()));
    if (process_.chaos().strikes()) {
      error busy{errc::unavailable, "429", std::chrono::seconds(process_.chaos().below(60))};
      return reply(fail(busy));
    }
    auto it = tags.find(wanted.image.str());
    if (it == tags.end()) return reply(fail(errc::not_found, "no such tag"));
    const auto& i = it->second;
    reply(image_plan{
        wanted.image, i.manifest, i.manifest, i.bytes, i.bytes, i.label, {}, wanted.pull_secrets});
  };
  wait(delay, stop, answered, [reply] { reply(fail(errc::cancelled, "stopped")); });
}

void fake_images::prove(const image_plan& plan, std::stop_token stop, answer<bool> reply) {
  auto& c = process_.chaos();
  std::optional<duration> delay;
  if (!c.strikes()) delay = c.between(1, 200);
  auto answered = [this, plan, reply] {
    if (process_.chaos().strikes()) return reply(fail(unavailable()));
    bool may_read = !process_.chaos().strikes();
    if (may_read)
      readings.insert({plan.manifest, node::repository_of(plan.image), plan.pull_secrets});
    reply(may_read);
  };
  wait(delay, stop, answered, [reply] { reply(fail(errc::cancelled, "stopped")); });
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
  ++begun;
  auto done = [this, reply](result<stored_cache> outcome) {
    --in_flight;
    reply(std::move(outcome));
  };
  const auto* image = find(plan.manifest);
  if (!image) {
    process_.after(duration(1), [done] { done(fail(errc::not_found, "the tag has moved")); });
    return;
  }
  step(std::make_shared<job>(job{plan, *image, staging, std::move(progress), stop, done}));
}

void fake_images::step(std::shared_ptr<job> j) {
  auto& c = process_.chaos();
  std::optional<duration> delay;
  if (!c.strikes()) delay = c.strikes() ? c.between(1'000, 60'000) : c.between(1, 100);
  if (j->image.part_takes > duration(0)) delay = j->image.part_takes;
  auto arrived = [this, j] {
    auto& chance = process_.chaos();
    if (chance.strikes()) return j->reply(fail(unavailable()));
    if (chance.strikes()) return j->reply(fail(errc::corrupt, "wrong digest"));
    auto& content = node_.staging[j->staging];
    auto part = j->image.bytes / fetch_steps;
    if (node_.used_bytes() + part > node_.capacity_bytes)
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
    readings.insert({j->plan.manifest, node::repository_of(j->plan.image), j->plan.pull_secrets});
    j->reply(stored_cache{j->image.manifest, "triton", 3, j->image.bytes, j->image.kernels, {}, 1});
  };
  wait(delay, j->stop, arrived, [j] { j->reply(fail(errc::cancelled, "stopped")); });
}

// -- disk ---------------------------------------------------------------------------------------

/// The effect happens, later comes the answer: a crash between the two loses only the answer.
template <class T>
void fake_disk::carry_out(std::function<result<T>()> effect, answer<T> reply) {
  process_.after(process_.chaos().between(0, 20), [this, effect, reply] {
    result<T> outcome =
        process_.chaos().strikes() ? result<T>(fail(errc::io, "input/output error")) : effect();
    process_.after(process_.chaos().between(0, 20), [reply, outcome] { reply(outcome); });
  });
}

/// Records and forgets happen in the order they were asked.
duration fake_disk::in_order() {
  auto at = std::max(process_.now_ms() + static_cast<int64_t>(process_.chaos().below(20)),
                     last_record_ms_ + 1);
  last_record_ms_ = at;
  return duration(at - process_.now_ms());
}

void fake_disk::recover(answer<recovered> reply) {
  carry_out<recovered>(
      [this]() -> result<recovered> {
        node_.staging.clear();
        node_.store.merge(node_.aside);
        node_.aside.clear();
        std::erase_if(node_.store, [this](const auto& entry) {
          return entry.second.unsynced_boot != 0 && entry.second.unsynced_boot != node_.boot;
        });
        recovered found;
        for (const auto& [d, s] : node_.store) {
          found.stored.push_back(s.facts);
          if (s.unsynced_boot != 0) found.unsynced.push_back(d);
        }
        for (const auto& [ref, r] : node_.catalog) found.records.push_back(r);
        for (const auto& [ref, s] : *statuses)
          if (!node_.catalog.contains(ref))
            found.records.push_back({ref, {}, {}, {}, cache_state::error, {}, {}});
        return found;
      },
      std::move(reply));
}

void fake_disk::stage(uint64_t needed_bytes, answer<std::string> reply) {
  carry_out<std::string>(
      [=, this]() -> result<std::string> {
        if (needed_bytes > node_.capacity_bytes ||
            node_.used_bytes() > node_.capacity_bytes - needed_bytes)
          return fail(errc::no_space, "disk full");
        auto dir = "staging/" + std::to_string(next_dir_++);
        node_.staging[dir] = {};
        return dir;
      },
      std::move(reply));
}

void fake_disk::commit(const std::string& dir, const stored_cache& facts, answer<done> reply) {
  carry_out<done>(
      [=, this]() -> result<done> {
        if (node_.store.contains(facts.manifest)) return fail(errc::io, "already exists");
        auto staged = node_.staging.extract(dir);
        if (!staged) return fail(errc::io, "no such staging directory");
        node_.commit(facts, staged.mapped(), node_.boot);
        return done{};
      },
      std::move(reply));
}

void fake_disk::sync(const digest& manifest, answer<done> reply) {
  carry_out<done>(
      [=, this]() -> result<done> {
        if (auto it = node_.store.find(manifest); it != node_.store.end())
          it->second.unsynced_boot = 0;
        return done{};
      },
      std::move(reply));
}

void fake_disk::discard(const std::string& dir, answer<done> reply) {
  carry_out<done>(
      [=, this]() -> result<done> {
        node_.staging.erase(dir);
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
  process_.after(process_.chaos().between(0, 20), [this, manifest, reply] {
    if (process_.chaos().strikes()) return reply(fail(errc::io, "input/output error"));
    auto gone = node_.store.extract(manifest);
    if (!gone) return reply(done{});
    node_.aside.insert(std::move(gone));
    process_.after(process_.chaos().between(0, 20), [this, manifest, reply] {
      bool used = is_in_use(manifest);
      process_.after(process_.chaos().between(0, 20),
                     [this, manifest, used, reply] { decide(manifest, used, reply); });
    });
  });
}

void fake_disk::decide(const digest& manifest, bool used, answer<done> reply) {
  auto taken = node_.aside.extract(manifest);
  if (used || process_.chaos().strikes()) {
    if (used) ++refused;
    node_.store.insert(std::move(taken));
    return reply(used ? fail(errc::busy, "in use") : fail(errc::io, "input/output error"));
  }
  auto trash = "staging/" + std::to_string(next_dir_++);
  node_.staging[trash] = taken.mapped().content;
  node_.staging[trash].whole = false;
  discard(trash, reply);
}

void fake_disk::check(const digest& manifest, node::check_depth depth, answer<done> reply) {
  carry_out<done>(
      [=, this]() -> result<done> {
        auto it = node_.store.find(manifest);
        if (it == node_.store.end()) return fail(errc::corrupt, "it is gone");
        const auto& content = it->second.content;
        bool reads = depth == node::check_depth::every_byte;
        if (content.has_lost_a_file || (reads && content.has_another_byte))
          return fail(errc::corrupt, "it is damaged");
        return done{};
      },
      std::move(reply));
}

void fake_disk::set_aside(const digest& manifest, answer<done> reply) {
  carry_out<done>(
      [=, this]() -> result<done> {
        auto gone = node_.store.extract(manifest);
        if (!gone) return done{};
        node_.set_aside.insert(manifest);
        node_.kept_instances.insert(gone.mapped().instance);
        return done{};
      },
      std::move(reply));
}

void fake_disk::write_record(const catalog_record& record, answer<std::string> reply) {
  process_.after(in_order(), [this, record, reply] {
    result<std::string> outcome = record.ref.name;
    if (process_.chaos().strikes())
      outcome = fail(errc::no_space, "disk full");
    else
      node_.write(record);
    process_.after(process_.chaos().between(0, 20), [reply, outcome] { reply(outcome); });
  });
}

void fake_disk::forget(const cache_ref& ref, answer<done> reply) {
  process_.after(in_order(), [this, ref, reply] {
    result<done> outcome = done{};
    if (process_.chaos().strikes())
      outcome = fail(errc::io, "input/output error");
    else
      node_.forget(ref), statuses->erase(ref);
    process_.after(process_.chaos().between(0, 20), [reply, outcome] { reply(outcome); });
  });
}

// -- status, inventory --------------------------------------------------------------------------

void fake_status::write(const cache_status& status, answer<done> reply) {
  process_.after(process_.chaos().between(0, 50), [this, status, reply] {
    if (process_.chaos().strikes()) return reply(fail(errc::io, "input/output error"));
    if (on_write) on_write(status);
    seen[status.ref] = status;
    reply(done{});
  });
}

void fake_status::erase(const cache_ref& ref, answer<done> reply) {
  process_.after(process_.chaos().between(0, 50), [this, ref, reply] {
    if (process_.chaos().strikes()) return reply(fail(errc::io, "input/output error"));
    seen.erase(ref);
    reply(done{});
  });
}

void fake_inventory::watch(std::function<void(result<std::vector<gpu>>)> changed) {
  changed_ = std::move(changed);
  process_.after(process_.chaos().between(0, 50), [this] {
    if (changed_) changed_(gpus_);
  });
}

void fake_inventory::set(std::vector<gpu> gpus) {
  gpus_ = std::move(gpus);
  if (changed_) changed_(gpus_);
}

}  // namespace gkm::sim
