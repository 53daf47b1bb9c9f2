#include "actors/node/cache.hpp"
#include "base/backoff.hpp"
#include "base/program/log.hpp"
#include "gpus/match.hpp"

namespace gkm::node {
namespace log = base::log;
namespace {

/// The puller bounds the work for an answer; this bounds the wait for a turn, too.
constexpr std::chrono::seconds question_limit{900};
/// A pull may take hours; asking again joins the transfer that is running.
constexpr std::chrono::seconds pull_limit{900};
constexpr std::chrono::seconds claim_limit{60};
constexpr std::chrono::seconds match_limit{60};

/// What a record says of an image, as a plan that needs no registry.
image_plan plan_of(const cache_spec& spec, const catalog_record& record) {
  image_plan plan;
  plan.image = spec.image;
  plan.resolved = record.resolved;
  plan.manifest = record.manifest;
  return plan;
}

std::vector<std::string> warnings_for(const image_plan& plan, const stored_cache& stored) {
  std::vector<std::string> warnings;
  if (!plan.label_problem.empty()) warnings.push_back(plan.label_problem);
  if (auto lie = gpus::compare_label(plan.label_targets, stored.targets); !lie.empty())
    warnings.push_back(lie);
  if (stored.targets.empty())
    warnings.push_back("its files do not tell which GPUs it was built for");
  warnings.insert(warnings.end(), stored.problems.begin(), stored.problems.end());
  return warnings;
}

}  // namespace

template <class Answer, class Actor, class... Ts>
void cache_actor_state::ask(const Actor& whom, std::chrono::seconds limit,
                            std::function<void(const Answer&)> then,
                            std::function<void(error)> otherwise, const Ts&... question) {
  gkm::ask(self_, whom, limit, question...)
      .then(
          [this, then = std::move(then), epoch = epoch_](const Answer& answer) {
            if (epoch == epoch_) then(answer);
          },
          [this, otherwise = std::move(otherwise), epoch = epoch_](const caf::error& e) {
            if (epoch == epoch_) otherwise(from_caf(e));
          });
}

std::function<void(error)> cache_actor_state::to_failed() {
  return [this](error e) { failed(std::move(e)); };
}

void cache_actor_state::begin() {
  stop_asking();
  ++epoch_;
  busy_ = true;
  status_.image = spec_->image.str();
  bool recorded = record_ && record_->state == cache_state::extracted;
  if (std::exchange(news_, false) && asked_ && asked_->state == cache_state::error) announce();
  if (!recorded || restored_)
    resolve();
  else if (record_->image == status_.image)
    restore();
  else
    restore_earlier();
}

void cache_actor_state::restore() {
  auto plan = plan_of(*spec_, *record_);
  add_claim(plan.manifest);
  self_->send(peers_.puller, origin_atom_v, plan.manifest, plan.image);
  ask<stored_cache>(
      peers_.store, claim_limit,
      [this, plan](const stored_cache& stored) {
        // The tag may have moved while we were away.
        again_ = spec_->image.pinned.empty();
        match(plan, stored);
      },
      [this](error) {
        restored_ = true;
        resolve();
      },
      claim_atom_v, plan.manifest, ref_);
}

/// Another image is wanted by now: what the record names is served until that one can be.
void cache_actor_state::restore_earlier() {
  auto earlier = *record_;
  auto image = image_ref::parse(earlier.image);
  auto plan = plan_of({ref_, image.value_or(spec_->image)}, earlier);
  auto go_on = [this] {
    restored_ = true;
    resolve();
  };
  auto without = [go_on](const error&) { go_on(); };
  auto matched = [=, this](const stored_cache& stored, const match_result& match) {
    if (!match.usable()) return go_on();
    write(
        earlier,
        [=, this, epoch = epoch_](const std::string& path) {
          serve(plan, stored, match, path);
          if (epoch == epoch_) go_on();
        },
        [=, this, epoch = epoch_](const error&) {
          if (epoch == epoch_) go_on();
        });
  };
  add_claim(plan.manifest);
  self_->send(peers_.puller, origin_atom_v, plan.manifest, plan.image);
  ask<stored_cache>(
      peers_.store, claim_limit,
      [=, this](const stored_cache& stored) {
        ask<match_result>(
            peers_.gpu, match_limit, [=](const match_result& match) { matched(stored, match); },
            without, match_atom_v, stored.targets);
      },
      without, claim_atom_v, plan.manifest, ref_);
}

void cache_actor_state::resolve() {
  show("Resolving");
  again_ = false;
  ask<image_plan>(
      peers_.puller, question_limit, [this](const image_plan& plan) { check_label(plan); },
      to_failed(), resolve_atom_v, *spec_, gpus_);
}

void cache_actor_state::check_label(const image_plan& plan) {
  moved_ = is_serving() && status_.stored.manifest != plan.manifest;
  // What the kernels told when this digest was here before is the truth; a label is only a hint.
  bool seen = record_ && record_->manifest == plan.manifest && !record_->targets.empty();
  auto known = seen ? record_->targets : std::vector<target>();
  const auto& claimed = seen ? known : plan.label_targets;
  if (claimed.empty()) return claim(plan);
  ask<match_result>(
      peers_.gpu, match_limit,
      [this, plan, known](const match_result& match) {
        if (match.usable())
          claim(plan);
        else
          misfit(plan, known, match);
      },
      to_failed(), match_atom_v, claimed);
}

void cache_actor_state::claim(const image_plan& plan) {
  add_claim(plan.manifest);
  ask<stored_cache>(
      peers_.store, claim_limit, [this, plan](const stored_cache& stored) { share(plan, stored); },
      [this, plan](error e) {
        if (e.code == errc::not_found)
          pull(plan);
        else
          failed(std::move(e));
      },
      claim_atom_v, plan.manifest, ref_);
}

/// Whoever knows the bytes of a manifest need not be allowed to read what it names.
void cache_actor_state::share(const image_plan& plan, const stored_cache& stored) {
  if (was_given(plan)) return match(plan, stored);
  ask<bool>(
      peers_.puller, question_limit,
      [this, plan, stored](bool may_read) {
        if (may_read)
          match(plan, stored);
        else
          pull(plan);
      },
      to_failed(), prove_atom_v, plan, ref_);
}

/// The record on disk says that this cache had this digest from this repository.
bool cache_actor_state::was_given(const image_plan& plan) const {
  if (!record_ || record_->state != cache_state::extracted || record_->manifest != plan.manifest)
    return false;
  auto before = image_ref::parse(record_->image);
  return before && before->host == plan.image.host && before->repository == plan.image.repository;
}

void cache_actor_state::pull(const image_plan& plan) {
  pulling_ = plan.manifest;
  status_.pulled_bytes = 0;
  status_.total_bytes = plan.layer_bytes;
  show("Pulling");
  gkm::ask(self_, peers_.puller, pull_limit, pull_atom_v, plan, ref_, cache_actor(self_))
      .then(
          [this, plan, epoch = epoch_](const stored_cache& stored) {
            if (epoch != epoch_) return;
            pulling_.reset();
            match(plan, stored);
          },
          [this, plan, epoch = epoch_](const caf::error& e) {
            if (epoch != epoch_) return;
            if (e == caf::sec::request_timeout) return pull(plan);
            pulling_.reset();
            auto why = from_caf(e);
            if (why.code == errc::conflict) return claim(plan);
            failed(std::move(why));
          });
}

void cache_actor_state::match(const image_plan& plan, const stored_cache& stored) {
  ask<match_result>(
      peers_.gpu, match_limit,
      [this, plan, stored](const match_result& match) {
        if (match.usable())
          record(plan, stored, match);
        else
          misfit(plan, stored.targets, match);
      },
      to_failed(), match_atom_v, stored.targets);
}

/// The same directory, other GPUs: no registry is needed to tell.
void cache_actor_state::match_served() {
  ++epoch_;
  busy_ = true;
  match(plan_of(*spec_, *record_), status_.stored);
}

void cache_actor_state::record(const image_plan& plan, const stored_cache& stored,
                               const match_result& match) {
  catalog_record r{
      ref_,           spec_->image.str(), plan.resolved, plan.manifest, cache_state::extracted, {},
      stored.targets, errc::none,         stored.files,  stored.bytes,  stored.relocated_files};
  if (is_serving() && record_ == r) {
    serve(plan, stored, match, status_.path);
    return ready();
  }
  write(
      r,
      [this, plan, stored, match, epoch = epoch_](const std::string& path) {
        serve(plan, stored, match, path);
        if (epoch == epoch_) ready();
      },
      [this, epoch = epoch_](error e) {
        if (epoch == epoch_) failed(std::move(e));
      });
}

void cache_actor_state::serve(const image_plan& plan, const stored_cache& stored,
                              const match_result& match, const std::string& path) {
  status_.resolved = plan.resolved;
  status_.stored = stored;
  status_.match = match;
  status_.path = path;
  status_.warnings = warnings_for(plan, stored);
}

void cache_actor_state::ready() {
  busy_ = false;
  restored_ = true;
  failures_ = 0;
  status_.code = errc::none;
  status_.message = status_.match.summary();
  status_.pulled_bytes = status_.total_bytes = 0;
  status_.retry_unix_s = 0;
  set_state(ready_state());
  release_claims();
  report();
  if (again_) begin();
}

void cache_actor_state::misfit(const image_plan& plan, const std::vector<target>& kernel_targets,
                               const match_result& match) {
  bool restoring =
      !std::exchange(restored_, true) && record_ && record_->state == cache_state::extracted;
  if ((is_serving() || restoring) && record_->manifest == plan.manifest) {
    stop_serving();
    // Another manifest of the same index may be for the GPUs that are here now; or another image,
    // if the tag has moved while we were away.
    if (plan.resolved != plan.manifest || (restoring && std::exchange(again_, false)))
      return resolve();
  }
  status_.match = match;
  failed({errc::incompatible, match.summary(), {}},
         {ref_, spec_->image.str(), plan.resolved, plan.manifest, cache_state::error,
          match.summary(), kernel_targets, errc::incompatible});
}

void cache_actor_state::failed(error e, catalog_record remembered) {
  busy_ = false;
  restored_ = true;
  auto pause = base::pause_after(e, ++failures_, chance_());
  log::warn("Cache failed", {{"cache", ref_.str()},
                             {"image", status_.image},
                             {"kind", to_string(e.code)},
                             {"error", e.message}});
  status_.pulled_bytes = status_.total_bytes = 0;
  status_.retry_unix_s = 0;
  if (pause) {
    status_.retry_unix_s = peers_.clock->unix_seconds() + pause->count() / 1'000;
    self_->delayed_send(self_, *pause, retry_atom_v, epoch_);
  }
  if (is_refreshing() && !moved_) {
    status_.warnings = {"cannot tell whether the tag has moved: " + e.message};
    set_state(ready_state());
  } else {
    status_.code = e.code;
    // What is served comes first: the end of a long message may be cut.
    status_.message = is_serving()
                          ? "the earlier image " + status_.resolved.brief() +
                                " is served, as the wanted one cannot be used: " + e.message
                          : e.message;
    set_state(cache_state::error);
    if (is_serving()) remember_beside(e.message);
  }
  if (!is_serving()) {
    if (remembered.image.empty())
      remembered = {ref_, status_.image, {}, {}, cache_state::error, e.message, {}, e.code};
    if (asked_ != remembered) remember(remembered);
  }
  release_claims();
  report();
  if (again_ && !pause) begin();
}

}  // namespace gkm::node
