#include "actors/node/disk/inventory_file.hpp"
#include "actors/node/disk/state_dir.hpp"
#include "actors/node/disk/volume_record_watch.hpp"
#include "actors/node/gpu_actor.hpp"
#include "actors/node/images/oci_images.hpp"
#include "actors/node/node.hpp"
#include "actors/node/puller.hpp"
#include "actors/node/reporter.hpp"
#include "actors/node/store.hpp"
#include "actors/node/usage.hpp"
#include "base/program/log.hpp"
#include "base/program/process.hpp"
#include "base/worker_pool.hpp"
#include "cli/commands.hpp"
#include "cli/directory_bridge.hpp"
#include "cli/exit_code.hpp"
#include "cli/images.hpp"
#include "cli/interrupt.hpp"
#include "cli/output/console.hpp"
#include "cli/problems.hpp"
#include "oci/extract/extract.hpp"

#include <random>

namespace gkm::cli {
namespace {

constexpr size_t actor_threads = 2;
constexpr unsigned open_mode = 0755;

struct node_actors {
  gpu_actor gpu;
  store_actor store;
  puller_actor puller;
  reporter_actor reporter;
  node_actor node;
  usage_actor usage;
  bridge_actor bridge;

  /// Returns when all have ended.
  void end(caf::actor_system& system) {
    caf::anon_send_exit(bridge, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(usage, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(node, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(puller, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(store, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(gpu, caf::exit_reason::user_shutdown);
    caf::scoped_actor self(system);
    self->wait_for(bridge, usage, node, puller, store, gpu);
    // Last, so that what the others said at the end is still written.
    caf::anon_send_exit(reporter, caf::exit_reason::user_shutdown);
    self->wait_for(reporter);
  }
};

/// The records of what is mounted on this machine, maybe none yet.
result<std::unique_ptr<node::volume_record_watch>> watch_volumes(const paths& where) {
  if (auto made = base::make_directories(where.volumes(), open_mode); !made)
    return fail(made.error());
  auto boot = base::boot_id();
  if (!boot) return fail(boot.error());
  return std::make_unique<node::volume_record_watch>(where, *boot);
}

}  // namespace

result<int> up(const options& o, const std::string& dir, bool once, const node::disk_flags& disk) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(dir, ignored))
    return fail(errc::not_found,
                std::filesystem::exists(dir, ignored)
                    ? "'" + dir + "' is a file; give the directory that it is in"
                    : "There is no directory '" + dir + "'; give one that holds GKMCache files");
  if (o.format != output::table)
    return fail(errc::invalid_argument,
                "-o has no meaning for 'gkm up', which tells what happens; 'gkm status -o json' "
                "tells how things stand");
  base::keep_memory_small();
  auto inventory = find_inventory(o);
  if (!inventory) return fail(inventory.error());
  auto where = paths::below(o.state_dir);
  auto state = node::state_dir::open(where, disk.over(shares_on_one_machine));
  if (!state) return fail(state.error());
  (*state)->set_scrub_rate(disk.scrub_rate);
  auto volumes = watch_volumes(where);
  if (!volumes) return fail(volumes.error());

  interrupt stop;
  auto opened = images::open(o);
  if (!opened) return fail(opened.error());
  oci::extract_limits limits;
  auto images = std::make_unique<node::oci_images>(opened->source(), limits, (*state)->ledger());
  node::system_clock clock;
  console shown(once ? std::function<void()>([&] { stop.raise(); }) : nullptr, dir);
  // A terminal that is held, or a slow disk, blocks this thread and no actor.
  base::worker_pool slow(1);

  caf::actor_system_config config;
  configure(config, actor_threads);
  caf::actor_system system(config);
  node_actors all;
  all.gpu = gkm::spawn<node::gpu_state>(system, *inventory->port);
  all.store =
      gkm::spawn<node::store_state>(system, **state, std::chrono::seconds(0), (*state)->ledger(),
                                    node::scrub_times_for(disk.scrub_rate));
  all.puller = gkm::spawn<node::puller_state>(system, *images, all.store);
  all.reporter = gkm::spawn<node::reporter_state>(system, **state, [&](const cache_status& s) {
    slow.post([&shown, s] { shown.reported(s); });
  });
  all.node = gkm::spawn<node::node_state>(
      system, node::cache_peers{all.puller, all.store, all.gpu, all.reporter, &clock},
      std::random_device()());
  all.usage = gkm::spawn<node::usage_state>(system, **volumes);
  caf::anon_send(all.usage, caf::subscribe_atom_v, all.node, all.store);
  all.bridge = gkm::spawn<directory_bridge>(system, std::filesystem::path(dir), all.node, slow,
                                            [&](const declared_caches& wanted) {
                                              slow.post([&, wanted] {
                                                write_problems(where, wanted.problems);
                                                shown.wanted(wanted);
                                              });
                                            });
  base::log::info("Watching",
                  {{"dir", dir}, {"state_dir", o.state_dir}, {"gpus", inventory->origin}});
  stop.wait();
  all.end(system);
  // Ports hold actors' addresses: they go first.
  images.reset();
  volumes->reset();
  state->reset();
  inventory->port.reset();
  slow.finish();
  return once ? shown.exit_code() : success;
}

}  // namespace gkm::cli
