#include "cli/mount.hpp"

#include "actors/csi/arguments.hpp"
#include "actors/csi/catalog/catalog_files.hpp"
#include "actors/csi/mounts/mounted_volumes.hpp"
#include "actors/csi/mounts/own_mounts.hpp"
#include "actors/csi/system_host.hpp"
#include "actors/csi/volumes.hpp"
#include "actors/node/disk/list_caches.hpp"
#include "cli/exit_code.hpp"
#include "cli/machine/host_mounts.hpp"
#include "cli/machine/mount_owner.hpp"
#include "cli/output/field_list.hpp"
#include "cli/output/suggestion.hpp"
#include "cli/output/table.hpp"
#include "messages/names.hpp"
#include "messages/quantity.hpp"
#include "messages/record.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace gkm::cli {
namespace fs = std::filesystem;
namespace {

constexpr size_t actor_threads = 1;
/// Beyond the longest wait that can be asked for.
constexpr std::chrono::seconds answer_limit{csi::longest_wait_s + 60};

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

// -- naming a cache -------------------------------------------------------------------------------

std::string slashed(const cache_ref& ref) {
  return ref.is_cluster() ? ref.name : ref.ns + "/" + ref.name;
}

/// "; did you mean 'default/big'?", or which caches there are.
std::string known_names(const std::vector<cache_ref>& known, const cache_ref& asked) {
  constexpr size_t listed_max = 5;
  auto near = [](const std::string& said, std::string_view one) {
    return said == one || !closest(said, {&one, 1}).empty();
  };
  for (const auto& ref : known)
    if (ref.name == asked.name) return "; did you mean '" + slashed(ref) + "'?";
  for (const auto& ref : known)
    if ((asked.is_cluster() || near(asked.ns, ref.ns)) && near(asked.name, ref.name))
      return "; did you mean '" + slashed(ref) + "'?";
  if (known.empty()) return "; no cache is known there yet: 'gkm up DIR' makes those of DIR ready";
  std::string text;
  for (size_t i = 0; i < known.size() && i < listed_max; ++i)
    text += (i ? ", " : "") + slashed(known[i]);
  return "; there are: " + text + (known.size() > listed_max ? ", …" : "");
}

bool knows(const std::vector<cache_ref>& known, const cache_ref& ref) {
  return std::find(known.begin(), known.end(), ref) != known.end();
}

/// NAMESPACE/NAME as it stands, even if the cache is still to come; NAME if it is only one cache's.
result<cache_ref> find_cache(const paths& where, const std::string& name) {
  if (auto slash = name.find('/'); slash != name.npos)
    return cache_ref::make(name.substr(0, slash), name.substr(slash + 1));
  auto valid = cache_ref::make("", name);
  if (!valid) return valid;
  auto known = node::list_caches(where);
  std::vector<cache_ref> named;
  for (const auto& ref : known)
    if (ref.name == name) named.push_back(ref);
  if (named.size() == 1) return named.front();
  if (named.empty())
    return fail(errc::not_found, "No cache is named '" + name + "' in '" + where.root.string() +
                                     "'" + known_names(known, *valid));
  std::string all;
  for (const auto& ref : named) all += (all.empty() ? "" : ", ") + slashed(ref);
  return fail(errc::invalid_argument,
              "'" + name + "' names more than one cache; say which: " + all);
}

/// What `gkm status` would say of a cache that did not become ready.
std::string standing_of(const paths& where, const cache_ref& ref) {
  auto text = base::read_file(where.status(ref), max_record_bytes);
  auto status = text ? parse_cache_status(*text) : fail(text.error());
  if (!status) return {};
  if (status->state == cache_state::extracted || status->state == cache_state::running) return {};
  auto said = std::string(to_string(status->state)) + ": " + status->message;
  if (status->state == cache_state::pending) said += " '" + status->image + "'";
  if (status->total_bytes)
    said += ", " + human_bytes(status->pulled_bytes) + " of " + human_bytes(status->total_bytes);
  return said;
}

/// The wait's true reason: the mounter knows only whether there is a record.
error not_ready(const paths& where, const cache_ref& ref, const mount_options& m, error why) {
  if (why.code != errc::unavailable) return why;
  auto known = node::list_caches(where);
  auto standing = standing_of(where, ref);
  // Ready, and what stands in the way is something else.
  if (standing.empty() && knows(known, ref)) return why;
  bool runs = base::file_lock::holder(where.lock()).has_value();
  std::string text = "'" + slashed(ref) + "' was not ready within " + m.wait;
  if (!standing.empty()) {
    text += ": " + standing;
    text += runs ? "; --wait 10m waits longer"
                 : "; no 'gkm up' is running that would go on with it: start 'gkm up DIR'";
  } else {
    text += ": '" + where.root.string() + "' knows no cache of that name" + known_names(known, ref);
  }
  return {errc::unavailable, std::move(text), {}};
}

// -- what is asked for ----------------------------------------------------------------------------

result<void> check_options(const mount_options& m) {
  auto seconds = parse_seconds(m.wait);
  if (!seconds || *seconds > csi::longest_wait_s)
    return fail(errc::invalid_argument, "--wait '" + m.wait +
                                            "' is no time such as 30s or 5m, of at most " +
                                            std::to_string(csi::longest_wait_s / 60) + "m");
  if (m.scratch_size.empty()) return {};
  auto bytes = parse_bytes(m.scratch_size);
  if (!bytes || *bytes == 0)
    return fail(errc::invalid_argument,
                "--scratch-size '" + m.scratch_size + "' is no size such as 512Mi or 10Gi");
  return {};
}

result<publish_request> request_for(const cache_ref& ref, const fs::path& target,
                                    const mount_options& m) {
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
  static result<std::unique_ptr<mounter>> open(const paths& where, const fs::path& target,
                                               std::optional<csi::view_owner> owner,
                                               bool keeps_target) {
    auto catalog = csi::catalog_files::open(where);
    if (!catalog) return fail(catalog.error());
    csi::volume_settings settings;
    settings.where = where;
    settings.kubelet_root = target.parent_path();
    settings.only_target = target.string();
    settings.keeps_targets = keeps_target;
    settings.owner = owner;
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

void print_mounted(const options& o, const mount_options& m, const volume_record& r) {
  field_list s;
  s.line("Cache", "cache", r.ref.str());
  s.line("Digest", "digest", r.manifest.str());
  s.line("View", "view", std::string(to_string(r.view)));
  s.line("Path", "path", r.target);
  struct stat seen {};
  if (::stat(r.target.c_str(), &seen) == 0)
    s.line("Owner", "owner", describe({seen.st_uid, seen.st_gid, seen.st_mode & 0777U}));
  std::vector<std::string> notes;
  for (const auto& n : r.notes) notes.push_back(n.message);
  if (!m.scratch_size.empty() && r.view != view_kind::readonly)
    notes.push_back("--scratch-size is enforced only where the file system of '" + o.state_dir +
                    "' has project quotas");
  s.list("Note", "notes", notes);
  s.print(o.format);
}

// -- what is mounted ------------------------------------------------------------------------------

tl::unexpected<error> nothing_mounted(const std::string& path) {
  return fail(errc::not_found, "Nothing of GKM's is mounted at '" + path +
                                   "'; 'gkm status' lists the mounts of its caches");
}

/// Whether that state directory has a volume record of the mount, and made the view.
bool is_of(const csi::shown_view& view, const paths& where, const fs::path& target) {
  std::error_code failed;
  auto real = fs::canonical(where.root, failed);
  if (failed || (!view.instance.empty() && view.instance != csi::instance_of(real.string())))
    return false;
  return fs::exists(where.volume(csi::volume_key(volume_id_of(target))), failed);
}

/// The state directory of what is mounted at `target`; errc::not_found unless `gkm mount` put it
/// there.
result<paths> state_of(const fs::path& target, const std::string& path,
                       const std::string& state_dir) {
  auto table = csi::read_mount_table();
  if (!table) return fail(table.error());
  auto view = csi::view_at(*table, target.string());
  if (!view) return nothing_mounted(path);
  if (!csi::volume_key(volume_id_of(target)).starts_with(view->key))
    return fail(errc::not_found,
                "What is mounted at '" + path + "' is a pod's: it goes when the pod is deleted");
  std::vector<std::string> places;
  if (auto known = recall_mount(target)) places.push_back(known->state_dir);
  places.push_back(state_dir);
  for (const auto& place : places)
    if (auto where = paths::below(place); is_of(*view, where, target)) return where;
  return fail(errc::not_found, "What is mounted at '" + path +
                                   "' is GKM's, but of a state directory that cannot be told "
                                   "from the mount; name it with --state-dir");
}

bool is_mounted(const fs::path& target) {
  auto table = csi::read_mount_table();
  return table && csi::view_at(*table, target.string());
}

/// One mount, and what is to be known to take it away again.
result<volume_record> mount_at(const paths& where, const fs::path& target,
                               const publish_request& request, const csi::view_owner& owner) {
  auto before = recall_mount(target);
  bool was_mounted = is_mounted(target);
  if (was_mounted && before && before->state_dir != where.root.string())
    return fail(errc::conflict, "'" + target.string() + "' shows a cache of '" + before->state_dir +
                                    "' already; 'gkm unmount " + target.string() +
                                    "' takes it away");
  std::error_code ignored;
  host_mount now{target.string(), where.root.string(), fs::is_directory(target, ignored)};
  if (was_mounted && before) now.found_directory = before->found_directory;
  auto with = mounter::open(where, target, owner, now.found_directory);
  if (!with) return fail(with.error());
  if (auto noted = remember_mount(now); !noted) return fail(noted.error());
  auto mounted = (*with)->ask<volume_record>(publish_atom_v, request);
  // Nothing else is not found by then but a cache that was waited for; the help has a code for it.
  if (!mounted && mounted.error().code == errc::not_found) mounted.error().code = errc::unavailable;
  if (!mounted && !was_mounted) forget_mount(target);
  if (!mounted) return mounted;
  bool read_only = mounted->view == view_kind::readonly;
  if (read_only != (request.view == view_kind::readonly))
    return fail(errc::conflict, "'" + target.string() + "' shows the cache already, " +
                                    (read_only ? "read-only" : "writable") + "; 'gkm unmount " +
                                    target.string() + "' first");
  return mounted;
}

}  // namespace

result<int> mount(const options& o, const mount_options& m) {
  if (auto may = check_rights(m.path); !may) return fail(may.error());
  if (auto valid = check_options(m); !valid) return fail(valid.error());
  auto owner = owner_of(m.owner, m.mode, m.read_only);
  if (!owner) return fail(owner.error());
  auto where = paths::below(o.state_dir);
  auto target = resolve_target(m.path);
  if (!target) return fail(target.error());
  auto ref = find_cache(where, m.name);
  if (!ref) return fail(ref.error());
  auto request = request_for(*ref, *target, m);
  if (!request) return fail(request.error());
  if (auto known = node::list_caches(where); !knows(known, *ref))
    std::cerr << "gkm: waiting up to " << m.wait << " for '" << slashed(*ref)
              << "', which is not known yet" << known_names(known, *ref) << std::endl;
  auto mounted = mount_at(where, *target, *request, *owner);
  if (!mounted)
    return wrap(not_ready(where, *ref, m, mounted.error()), "Cannot mount '" + m.name + "'");
  print_mounted(o, m, *mounted);
  return success;
}

result<int> unmount(const options& o, const std::string& path) {
  if (auto may = check_rights(path); !may) return fail(may.error());
  auto target = resolve_target(path);
  if (!target) return path.empty() ? result<int>(fail(target.error())) : nothing_mounted(path);
  auto where = state_of(*target, path, o.state_dir);
  if (!where) return fail(where.error());
  auto known = recall_mount(*target);
  auto with = mounter::open(*where, *target, {}, known && known->found_directory);
  if (!with) return wrap(with.error(), "Cannot unmount '" + path + "'");
  auto gone = (*with)->ask<bool>(unpublish_atom_v, volume_id_of(*target), target->string());
  if (!gone) return wrap(gone.error(), "Cannot unmount '" + path + "'");
  forget_mount(*target);
  return success;
}

}  // namespace gkm::cli
