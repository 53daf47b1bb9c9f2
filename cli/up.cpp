#include "actors/node/disk/inventory_file.hpp"
#include "actors/node/disk/state_dir.hpp"
#include "actors/node/disk/volume_record_watch.hpp"
#include "actors/node/images/oci_images.hpp"
#include "actors/node/node_actors.hpp"
#include "actors/node/reporter.hpp"
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
  auto reporter = gkm::spawn<node::reporter_state>(system, **state, [&](const cache_status& s) {
    slow.post([&shown, s] { shown.reported(s); });
  });
  node::node_options options;
  options.seed = std::random_device()();
  options.scrub = node::scrub_times_for(disk.scrub_rate);
  options.ledger = (*state)->ledger();
  node::node_actors actors(system, {*images, **state, *inventory->port, **volumes, clock}, reporter,
                           options);
  auto bridge = gkm::spawn<directory_bridge>(system, std::filesystem::path(dir), actors.node(),
                                             slow, [&](const declared_caches& wanted) {
                                               slow.post([&, wanted] {
                                                 write_problems(where, wanted.problems);
                                                 shown.wanted(wanted);
                                               });
                                             });
  base::log::info("Watching",
                  {{"dir", dir}, {"state_dir", o.state_dir}, {"gpus", inventory->origin}});
  stop.wait();
  caf::anon_send_exit(bridge, caf::exit_reason::user_shutdown);
  caf::scoped_actor(system)->wait_for(bridge);
  actors.end();
  // Ports hold actors' addresses: they go first.
  images.reset();
  volumes->reset();
  state->reset();
  inventory->port.reset();
  slow.finish();
  return once ? shown.exit_code() : success;
}

}  // namespace gkm::cli
