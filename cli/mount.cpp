#include "cli/mount.hpp"

#include "actors/csi/arguments.hpp"
#include "actors/csi/catalog_files.hpp"
#include "actors/csi/mounted_volumes.hpp"
#include "actors/csi/system_host.hpp"
#include "actors/csi/volumes.hpp"
#include "actors/node/list_caches.hpp"
#include "base/sha256.hpp"
#include "cli/exit_code.hpp"
#include "cli/sheet.hpp"

#include <unistd.h>

namespace gkm::cli {
namespace fs = std::filesystem;
namespace {

constexpr size_t actor_threads = 1;
/// Beyond the longest wait that can be asked for.
constexpr std::chrono::seconds answer_limit{csi::longest_wait_s + 60};

/// The same path is the same volume: mounting again finds it done.
std::string volume_id_of(const fs::path& target) {
  return "gkm-" + base::sha256::of(target.string()).hex;
}

result<void> check_rights(const std::string& path) {
  if (::geteuid() == 0) return {};
  return fail(errc::io, "Cannot mount at or unmount '" + path +
                            "': that takes root (try sudo); without it, 'gkm pull IMAGE DIR' makes "
                            "a copy of the cache");
}

/// Where the mount will be, links in the parents followed: the mounter itself follows none.
result<fs::path> resolve_target(const std::string& path) {
  std::error_code failed;
  auto target = path.empty() ? fs::path() : fs::absolute(path, failed).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  auto parent = failed ? fs::path() : fs::weakly_canonical(target.parent_path(), failed);
  if (failed || !target.has_filename())
    return fail(errc::invalid_argument, "'" + path + "' is no path that a cache can be mounted at" +
                                            (failed ? ": " + failed.message() : ""));
  return parent / target.filename();
}

/// NAMESPACE/NAME as it stands, even if the cache is still to come; NAME if it is only one cache's.
result<cache_ref> find_cache(const paths& where, const std::string& name) {
  if (auto slash = name.find('/'); slash != name.npos)
    return cache_ref::make(name.substr(0, slash), name.substr(slash + 1));
  auto valid = cache_ref::make("", name);
  if (!valid) return valid;
  std::vector<cache_ref> named;
  for (const auto& ref : node::list_caches(where))
    if (ref.name == name) named.push_back(ref);
  if (named.size() == 1) return named.front();
  if (named.empty())
    return fail(errc::not_found,
                "No cache is named '" + name + "' in '" + where.root.string() +
                    "'; 'gkm status' lists them, and NAMESPACE/NAME is waited for");
  std::string all;
  for (const auto& ref : named) all += (all.empty() ? "" : ", ") + ref.str();
  return fail(errc::invalid_argument, "'" + name + "' may be " + all + "; say NAMESPACE/NAME");
}

result<publish_request> request_for(const cache_ref& ref, const fs::path& target,
                                    const mount_options& m) {
  namespace attribute = csi::attribute;
  std::map<std::string, std::string> said{{attribute::cache, ref.name},
                                          {attribute::mount_path, target.string()},
                                          {attribute::wait, m.wait}};
  if (!ref.is_cluster()) said[attribute::ns] = said[attribute::pod_ns] = ref.ns;
  if (m.copy && !m.read_only) said[attribute::view] = std::string(to_string(view_kind::copy));
  if (!m.scratch_size.empty()) said[attribute::scratch_size] = m.scratch_size;
  return csi::parse_publish(volume_id_of(target), target.string(), said, m.read_only,
                            target.parent_path().string());
}

/// The actors of gkm-csi, in this process and for one request.
class mounter {
public:
  static result<std::unique_ptr<mounter>> open(const paths& where, const fs::path& target) {
    auto catalog = csi::catalog_files::open(where);
    if (!catalog) return fail(catalog.error());
    csi::volume_settings settings;
    settings.where = where;
    settings.kubelet_root = target.parent_path();
    settings.only_target = target.string();
    auto volumes = csi::mounted_volumes::open(std::move(settings));
    if (!volumes) return fail(volumes.error());
    auto host = csi::system_host::make();
    if (!host) return fail(host.error());
    return std::unique_ptr<mounter>(
        new mounter(std::move(*catalog), std::move(*volumes), std::move(*host)));
  }

  ~mounter() {
    caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
    {
      caf::scoped_actor self(system_);
      self->wait_for(actor_);
    }
    actor_ = nullptr;
    // Ports hold actors' addresses: they go first.
    volumes_.reset();
    catalog_.reset();
  }

  template <class Answer, class... Ts>
  result<Answer> ask(Ts&&... message) {
    caf::scoped_actor self(system_);
    result<Answer> outcome;
    self->request(actor_, answer_limit, std::forward<Ts>(message)...)
        .receive([&](const Answer& a) { outcome = a; },
                 [&](const caf::error& e) { outcome = fail(from_caf(e)); });
    return outcome;
  }

private:
  mounter(std::unique_ptr<csi::catalog_files> catalog,
          std::unique_ptr<csi::mounted_volumes> volumes, std::unique_ptr<csi::system_host> host)
      : catalog_(std::move(catalog)),
        volumes_(std::move(volumes)),
        host_(std::move(host)),
        system_(configured(config_)),
        actor_(gkm::spawn<csi::volumes_state>(
            // Nobody asks again here: it is waited for to the end.
            system_, csi::volume_ports{catalog_.get(), volumes_.get(), host_.get(),
                                       std::chrono::seconds(0)})) {}

  static caf::actor_system_config& configured(caf::actor_system_config& config) {
    configure(config, actor_threads);
    return config;
  }

  std::unique_ptr<csi::catalog_files> catalog_;
  std::unique_ptr<csi::mounted_volumes> volumes_;
  std::unique_ptr<csi::system_host> host_;
  caf::actor_system_config config_;
  caf::actor_system system_;
  volumes_actor actor_;
};

void print_mounted(const options& o, const volume_record& r) {
  sheet s;
  s.line("Cache", "cache", r.ref.str());
  s.line("Digest", "digest", r.manifest.str());
  s.line("View", "view", std::string(to_string(r.view)));
  s.line("Path", "path", r.target);
  std::vector<std::string> notes;
  for (const auto& n : r.notes) notes.push_back(n.message);
  s.list("Note", "notes", notes);
  s.print(o.format);
}

}  // namespace

result<int> mount(const options& o, const mount_options& m) {
  if (auto may = check_rights(m.path); !may) return fail(may.error());
  auto where = paths::below(o.state_dir);
  auto target = resolve_target(m.path);
  if (!target) return fail(target.error());
  auto ref = find_cache(where, m.name);
  if (!ref) return fail(ref.error());
  auto request = request_for(*ref, *target, m);
  if (!request) return fail(request.error());
  auto with = mounter::open(where, *target);
  if (!with) return wrap(with.error(), "Cannot mount '" + m.name + "'");
  auto mounted = (*with)->ask<volume_record>(publish_atom_v, *request);
  // Nothing else is not found by then but a cache that was waited for; the help has a code for it.
  if (!mounted && mounted.error().code == errc::not_found) mounted.error().code = errc::unavailable;
  if (!mounted) return wrap(mounted.error(), "Cannot mount '" + m.name + "'");
  print_mounted(o, *mounted);
  return success;
}

result<int> unmount(const options& o, const std::string& path) {
  if (auto may = check_rights(path); !may) return fail(may.error());
  auto where = paths::below(o.state_dir);
  auto target = resolve_target(path);
  if (!target) return fail(target.error());
  auto with = mounter::open(where, *target);
  if (!with) return wrap(with.error(), "Cannot unmount '" + path + "'");
  auto gone = (*with)->ask<bool>(unpublish_atom_v, volume_id_of(*target), target->string());
  if (!gone) return wrap(gone.error(), "Cannot unmount '" + path + "'");
  return success;
}

}  // namespace gkm::cli
