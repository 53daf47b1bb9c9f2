#include "actors/csi/catalog/catalog_files.hpp"
#include "actors/csi/catalog/observed_catalog.hpp"
#include "actors/csi/metrics.hpp"
#include "actors/csi/mounts/mounted_volumes.hpp"
#include "actors/csi/paced_file.hpp"
#include "actors/csi/services/scratch_settings.hpp"
#include "actors/csi/services/server.hpp"
#include "actors/csi/services/settings.hpp"
#include "actors/csi/system_host.hpp"
#include "actors/csi/volumes.hpp"
#include "base/program/log.hpp"
#include "base/program/process.hpp"
#include "base/program/setting_file.hpp"
#include "base/program/version.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iostream>
#include <optional>

namespace gkm::csi {
namespace {

constexpr int success = 0;
constexpr int failure = 1;
constexpr int in_use = 9;

constexpr size_t actor_threads = 2;
constexpr std::chrono::seconds probe_limit{5};
/// For calls in flight at the end: much shorter than what kubelet gives a pod to end.
constexpr std::chrono::seconds grace{10};

bool may_mount() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN)) != 0;
}

/// The metrics and the file in which the agent finds them.
class exported_metrics {
public:
  /// From now on the file says it.
  void write_to(const std::filesystem::path& file) {
    file_.emplace(file, [this] { return metrics_.print(); });
  }
  template <class Change>
  void note(Change change) {
    change(metrics_);
    if (file_) file_->changed();
  }

private:
  metrics metrics_;
  std::optional<paced_file> file_;
};

struct ports {
  std::unique_ptr<exported_metrics> count;
  std::unique_ptr<system_host> host;
  std::unique_ptr<mounted_volumes> volumes;
  std::unique_ptr<catalog_files> catalog;
  std::unique_ptr<observed_catalog> observed;
};

result<ports> open_ports(const settings& s) {
  if (!may_mount())
    return fail(
        errc::unauthorized,
        "gkm-csi mounts file systems, for which it lacks CAP_SYS_ADMIN: run it as root, in a "
        "pod with privileged: true");
  paths where{s.state_dir, s.run_dir};
  ports opened;
  auto host = system_host::make();
  if (!host) return fail(host.error());
  opened.host = std::move(*host);
  opened.count = std::make_unique<exported_metrics>();
  auto* count = opened.count.get();
  auto volumes = mounted_volumes::open(
      {where,
       s.kubelet_root,
       {},
       {},
       [count](size_t n) { count->note([n](metrics& m) { m.set_volumes(n); }); },
       s.scratch,
       true});
  if (!volumes) return fail(volumes.error());
  opened.volumes = std::move(*volumes);
  // Not before the lock is ours.
  count->write_to(where.csi_metrics());
  auto catalog = catalog_files::open(where);
  if (!catalog) return fail(catalog.error());
  opened.catalog = std::move(*catalog);
  opened.observed = std::make_unique<observed_catalog>(
      *opened.catalog,
      observed_catalog::observer{[count] { count->note([](metrics& m) { m.begin_waiting(); }); },
                                 [count] { count->note([](metrics& m) { m.end_waiting(); }); }});
  return opened;
}

result<void> serve(const settings& s, const base::ending_signals& ending) {
  auto opened = open_ports(s);
  if (!opened) return fail(opened.error());
  caf::actor_system_config config;
  configure(config, actor_threads);
  caf::actor_system system(config);
  auto volumes = gkm::spawn<volumes_state>(
      system, volume_ports{opened->observed.get(), opened->volumes.get(), opened->host.get()});
  std::optional<scratch_settings> limits(
      std::in_place, s.scratch_config_dir, s.scratch_keys, s.scratch,
      [port = opened->volumes.get()](const scratch_limits& l) { port->set_limits(l); });
  // The volume's own actor looks, and notes what its pod's events shall say.
  opened->volumes->watch_scratch([volumes](const scratch_owner& over) {
    caf::anon_send(volumes, stats_atom_v, over.volume_id, over.target);
  });
  auto end_volumes = [&] {
    caf::anon_send_exit(volumes, caf::exit_reason::user_shutdown);
    caf::scoped_actor self(system);
    self->wait_for(volumes);
    // Its address goes before the system does.
    volumes = nullptr;
  };
  auto observe = [count = opened->count.get()](std::string_view call, errc outcome,
                                               std::chrono::nanoseconds took) {
    count->note([&](metrics& m) { m.called(call, outcome, took); });
  };
  auto serving = server::start(system, volumes,
                               {s.endpoint, s.registration, s.kubelet_root, s.node_id, observe});
  if (!serving) {
    end_volumes();
    opened->volumes.reset();
    return fail(serving.error());
  }
  base::log::info("Serving", {{"version", base::version()},
                              {"endpoint", s.endpoint.string()},
                              {"registration", s.registration.string()},
                              {"node", s.node_id},
                              {"state_dir", s.state_dir.string()}});
  auto signal = ending.wait();
  base::log::info("Ending; mounts stay", {{"signal", signal}});
  // Calls that wait for a cache are answered now; kubelet repeats them to the next process.
  caf::anon_send(volumes, ending_atom_v);
  (*serving)->stop(grace);
  end_volumes();
  limits.reset();
  // Ports hold actors' addresses: they go before the system.
  opened->catalog.reset();
  opened->volumes.reset();
  return {};
}

int report(const error& e) {
  std::cerr << "gkm-csi: " << e.message << '\n';
  return e.code == errc::busy ? in_use : failure;
}

int run(const settings& s) {
  if (s.probe) {
    auto ready = probe(s.endpoint, probe_limit);
    if (!ready) return report(ready.error());
    std::cout << "gkm-csi on '" << s.endpoint.string() << "' is ready\n";
    return success;
  }
  base::keep_memory_small();
  base::use_all_descriptors();
  base::ending_signals ending;
  auto level = base::follow_level(s.config_dir, "gkm.csi.log.level", s.log_level);
  auto served = serve(s, ending);
  return served ? success : report(served.error());
}

}  // namespace
}  // namespace gkm::csi

int main(int argc, char** argv) {
  auto line = gkm::csi::read_command_line(argc, argv);
  if (!line.wanted) return line.exit_code;
  gkm::base::log::configure(line.wanted->log_level, line.wanted->log_json);
  return gkm::csi::run(*line.wanted);
}
