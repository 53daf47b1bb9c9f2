#include "actors/csi/mounts/mounted_volumes.hpp"

#include "actors/csi/files/beneath.hpp"
#include "actors/csi/mounts/own_mounts.hpp"
#include "actors/csi/mounts/volume_recovery.hpp"
#include "actors/csi/scratch/volume_size.hpp"
#include "base/program/log.hpp"

#include <fcntl.h>

#include <cerrno>

namespace gkm::csi {
namespace {

constexpr unsigned open_mode = 0755;

result<done> ok(result<void> outcome) {
  return outcome.map([] { return done{}; });
}

bool shows(const held_view& held, const volume_record& record) {
  return held.target == record.target && held.manifest == record.manifest &&
         held.view == record.view;
}

}  // namespace

struct mounted_volumes::impl {
  std::string boot;
  std::string instance;  ///< tells this state directory's mounts from another's
  std::string only_target;
  bool keeps_targets = false;
  base::file_lock lock;
  base::fd root;
  target_tree targets;
  volume_records records;
  std::unique_ptr<scratch_space> scratch;
  std::unique_ptr<relocated_layers> layers;
  std::unique_ptr<mount_calls> mounts;
  std::unique_ptr<view_builder> builder;
  held_views held;
  std::unique_ptr<scratch_budget> budget;
  std::unique_ptr<scratch_watch> watch;  ///< last: it looks at what is above
};

result<std::unique_ptr<mounted_volumes>> mounted_volumes::open(volume_settings settings) {
  const auto& where = settings.where;
  for (const auto& dir : {where.root, where.run})
    if (auto made = base::make_directories(dir, open_mode); !made) return fail(made.error());
  auto lock = base::file_lock::take(where.csi_lock());
  if (!lock) return wrap(lock.error(), "Cannot mount volumes");
  auto boot = base::boot_id();
  if (!boot) return fail(boot.error());
  base::fd root(::open(where.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return fail(base::errno_error(errno, "open", where.root));
  auto targets = target_tree::open(settings.kubelet_root);
  if (!targets) return fail(targets.error());
  auto records = volume_records::open(where, settings.observe);
  if (!records) return fail(records.error());
  auto scratch = scratch_space::open(where.scratches());
  if (!scratch) return wrap(scratch.error(), "Cannot mount volumes");
  if (settings.owner) (*scratch)->belong_to(*settings.owner);
  auto layers = relocated_layers::open(where.relocated(), root.get());
  if (!layers) return fail(layers.error());
  if (auto follows = (*layers)->follow(where.store()); !follows) return fail(follows.error());
  auto instance = instance_of(real_path(root.get()));
  std::unique_ptr<impl> made(new impl{*boot,
                                      instance,
                                      std::move(settings.only_target),
                                      settings.keeps_targets,
                                      std::move(*lock),
                                      std::move(root),
                                      std::move(*targets),
                                      std::move(*records),
                                      std::move(*scratch),
                                      std::move(*layers),
                                      std::make_unique<mount_calls>(settings.mounting),
                                      nullptr,
                                      {},
                                      nullptr,
                                      nullptr});
  made->budget =
      std::make_unique<scratch_budget>([scratch = made->scratch.get()] { return scratch->room(); });
  made->budget->set(settings.limits);
  made->builder = std::make_unique<view_builder>(
      view_builder::deps{made->root.get(), made->boot, made->instance, *made->scratch,
                         *made->layers, *made->mounts, *made->budget});
  return std::unique_ptr<mounted_volumes>(
      new mounted_volumes(std::move(made), settings.tell_unlimited));
}

mounted_volumes::mounted_volumes(std::unique_ptr<impl> made, bool tell_unlimited)
    : impl_(std::move(made)), tell_unlimited_(tell_unlimited) {}

mounted_volumes::~mounted_volumes() {
  ending_ = true;
  for (auto* pool : {&entering_, &leaving_, &small_copies_, &large_copies_, &measuring_})
    pool->finish();
  // A process that lives for one volume has no next start that deletes what it left.
  if (!impl_->only_target.empty()) impl_->scratch->finish();
}

void mounted_volumes::set_limits(const scratch_limits& limits) { impl_->budget->set(limits); }

void mounted_volumes::watch_scratch(std::function<void(const scratch_owner&)> over) {
  impl_->watch = std::make_unique<scratch_watch>(*impl_->scratch, *impl_->budget, std::move(over));
}

std::string mounted_volumes::tenant_of(const std::string& volume_id) const {
  auto known = impl_->records.recall(volume_id);
  return known && *known ? (*known)->pod_ns : std::string();
}

template <class T>
void mounted_volumes::post(base::fair_pool& where, const std::string& tenant,
                           std::function<result<T>()> step, answer<T> reply, std::stop_token stop) {
  auto given_up = [reply] {
    reply(fail(errc::cancelled, "The volume was given up before it was its turn"));
  };
  auto posted = where.post(
      tenant, [reply, step = std::move(step)] { reply(step()); }, std::move(stop), given_up);
  if (!posted) reply(fail(posted.error()));
}

void mounted_volumes::recover(answer<done> reply) {
  post<done>(
      leaving_, {},
      [this] {
        auto& p = *impl_;
        auto recovered = recover_volumes({p.boot, p.instance, p.root.get(), p.only_target,
                                          p.targets, p.records, *p.scratch, *p.layers, p.held});
        if (auto all = p.records.list(); recovered && all)
          for (const auto& record : all->records)
            p.budget->adopt(volume_key(record.volume_id), record);
        return ok(std::move(recovered));
      },
      std::move(reply));
}

void mounted_volumes::read(const std::string& volume_id, answer<volume_record> reply) {
  if (auto known = impl_->records.recall(volume_id)) return reply(std::move(*known));
  post<volume_record>(
      leaving_, {}, [=, this] { return impl_->records.read(volume_id); }, std::move(reply));
}

void mounted_volumes::is_mounted(const volume_record& record, answer<bool> reply) {
  post<bool>(
      entering_, record.pod_ns, [=, this] { return is_mounted_now(record); }, std::move(reply));
}

void mounted_volumes::write(const volume_record& record, answer<done> reply) {
  post<done>(
      entering_, record.pod_ns, [=, this] { return ok(impl_->records.write(record)); },
      std::move(reply));
}

void mounted_volumes::erase(const std::string& volume_id, answer<done> reply) {
  post<done>(
      leaving_, tenant_of(volume_id), [=, this] { return ok(impl_->records.erase(volume_id)); },
      std::move(reply));
}

void mounted_volumes::mount(const volume_record& record, std::stop_token stop,
                            answer<volume_record> reply) {
  auto step = [=, this] {
    using work = view_builder::work;
    auto how_much = impl_->builder->work_of(record);
    if (how_much == work::none) return reply(mount_now(record, stop));
    post<volume_record>(
        how_much == work::small ? small_copies_ : large_copies_, record.pod_ns,
        [=, this] { return mount_now(record, stop); }, reply, stop);
  };
  if (auto posted = entering_.post(record.pod_ns, step); !posted) reply(fail(posted.error()));
}

void mounted_volumes::unmount(const std::string& volume_id, const std::string& target,
                              answer<done> reply) {
  post<done>(
      leaving_, tenant_of(volume_id), [=, this] { return ok(unmount_now(volume_id, target)); },
      std::move(reply));
}

void mounted_volumes::remove_target(const std::string& target, answer<done> reply) {
  if (impl_->keeps_targets) return reply(done{});
  post<done>(
      leaving_, {}, [=, this] { return ok(impl_->targets.remove(target)); }, std::move(reply));
}

void mounted_volumes::measure(const volume_record& record, answer<volume_stats> reply) {
  post<volume_stats>(
      measuring_, record.pod_ns, [=, this] { return measure_now(record); }, std::move(reply));
}

result<bool> mounted_volumes::is_mounted_now(const volume_record& record) {
  auto held = impl_->held.find(volume_key(record.volume_id));
  if (!held || !shows(*held, record)) return false;
  auto where = impl_->targets.find(record.target);
  if (!where) return false;
  auto seen = look_at(*where);
  if (!seen) return fail(seen.error());
  return seen->is_mount && held->owns(seen->identity);
}

result<volume_record> mounted_volumes::mount_now(volume_record record, std::stop_token stop) {
  auto key = volume_key(record.volume_id);
  // A view of this volume that nobody relies on: no record said that it was whole.
  if (impl_->held.find(key))
    if (auto off = unmount_now(record.volume_id, record.target); !off) return fail(off.error());
  auto at = impl_->targets.prepare(record.target);
  if (!at) return fail(at.error());
  auto undo = [&](const error& why) {
    impl_->budget->close(key);
    if (auto discarded = impl_->scratch->discard(key); !discarded)
      base::log::warn("Cannot discard scratch", {{"error", discarded.error().message}});
    if (at->made)
      if (auto removed = impl_->targets.remove(record.target); !removed)
        base::log::warn("Cannot undo", {{"error", removed.error().message}});
    return fail(why);
  };
  const long_work limits{std::move(stop), [&](uint64_t bytes) -> result<void> {
                           if (ending_) return fail(errc::cancelled, "gkm-csi is ending");
                           return impl_->budget->spend(key, bytes);
                         }};
  auto layer = impl_->builder->build(record, key, *at, limits);
  if (!layer) return undo(layer.error());
  auto seen = look_at(at->where);
  if (!seen || !seen->is_mount) {
    if (*layer) impl_->layers->release(**layer);
    if (seen) return undo({errc::io, "Cannot find the view that was just mounted", {}});
    if (auto off = take_off(at->where); !off) return fail(off.error());
    return undo(seen.error());
  }
  impl_->held.put(
      key, {record.target, record.manifest, record.view, {seen->identity}, std::move(*layer)});
  tell_unlimited(record);
  return record;
}

/// Once a process, and so about once a node: the file system is every pod's.
void mounted_volumes::tell_unlimited(volume_record& record) {
  if (!tell_unlimited_ || record.view == view_kind::readonly) return;
  if (!impl_->scratch->is_unlimited() || record.notes.size() >= max_volume_notes) return;
  if (!tell_unlimited_.exchange(false)) return;
  record.notes.push_back(
      {"ScratchNotEnforced",
       "No pod of this node is stopped at its csi.gkm.io/scratchSize: the file system of "
       "/var/lib/gkm has no project quotas. GKM measures what pods write and tells those that "
       "wrote "
       "too much; to have them stopped, mount it with the option prjquota"});
}

result<void> mounted_volumes::unmount_now(const std::string& volume_id, const std::string& target) {
  auto key = volume_key(volume_id);
  auto held = impl_->held.find(key);
  if (auto off = take_off_view(target, held); !off) return off;
  if (held && held->target != target)
    if (auto off = take_off_view(held->target, held); !off) return off;
  impl_->held.take(key);
  if (held && held->layer) impl_->layers->release(*held->layer);
  impl_->budget->close(key);
  return impl_->scratch->discard(key);
}

result<void> mounted_volumes::take_off_view(const std::string& target,
                                            const std::optional<held_view>& ours) {
  bool belongs_here = ours && ours->target == target;
  auto absent = [&] { return belongs_here ? is_gone(ours) : result<void>(); };
  auto where = impl_->targets.find(target);
  if (!where && where.error().code == errc::not_found) return absent();
  if (!where) return fail(where.error());
  for (bool taken_off = false;; taken_off = true) {
    auto seen = look_at(*where);
    if (!seen) return fail(seen.error());
    if (!seen->is_mount) return taken_off ? result<void>() : absent();
    if (!ours || !ours->owns(seen->identity)) {
      if (auto gone = is_gone(ours); !gone) return gone;
      return fail(errc::conflict, "Cannot unmount '" + target +
                                      "': what is mounted there is not this volume's view");
    }
    if (auto off = take_off(*where); !off) return off;
  }
}

result<void> mounted_volumes::is_gone(const std::optional<held_view>& ours) {
  if (!ours) return {};
  auto table = read_mount_table();
  if (!table) return fail(table.error());
  auto where = seen_at(*table, ours->mounts);
  if (where.empty()) return {};
  return fail(errc::busy,
              "Cannot unmount '" + ours->target + "': the view is mounted at '" + where +
                  "' but cannot be reached; unmount what lies over it, or move it back");
}

result<volume_stats> mounted_volumes::measure_now(const volume_record& record) {
  std::string problem;
  auto mounted = is_mounted_now(record);
  if (!mounted)
    problem = mounted.error().message;
  else if (!*mounted)
    problem = "'" + record.target + "' does not show the volume's view any more";
  else if (auto answers = impl_->targets.ask(record.target); !answers)
    problem = answers.error().message;
  auto key = volume_key(record.volume_id);
  auto use = impl_->scratch->measure(key, measured_inodes_max);
  if (!use && use.error().code != errc::not_found) return fail(use.error());
  if (use && use->complete)
    impl_->budget->found(key, use->bytes);
  else if (use)
    use->bytes = std::max(use->bytes, impl_->budget->used(key).value_or(0));
  return size_of(record, use ? std::optional(*use) : std::nullopt, std::move(problem));
}

}  // namespace gkm::csi
