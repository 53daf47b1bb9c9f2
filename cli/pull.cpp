#include "actors/node/images/oci_images.hpp"
#include "base/files.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/images.hpp"
#include "cli/interrupt.hpp"
#include "cli/output/field_list.hpp"
#include "cli/output/printing.hpp"
#include "cli/output/progress.hpp"
#include "cli/output/table.hpp"
#include "gpus/match.hpp"
#include "oci/extract/extract.hpp"
#include "relocation/apply.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>

namespace gkm::cli {
namespace fs = std::filesystem;
namespace {

/// As `git clone` does: the last part of the name.
std::string directory_for(const image_ref& image) {
  auto name = fs::path(image.repository).lexically_normal();
  return name.has_filename() ? name.filename().string() : name.parent_path().filename().string();
}

/// A directory beside `home` that disappears unless it is published there by one rename.
class staged_directory {
public:
  static result<staged_directory> make(const fs::path& home) {
    std::error_code failed;
    if (fs::exists(fs::symlink_status(home, failed)) &&
        !(fs::is_directory(home, failed) && fs::is_empty(home, failed)))
      return fail(errc::invalid_argument, "'" + home.string() +
                                              "' exists and is not an empty directory; name "
                                              "another one, or remove it");
    fs::create_directories(home.parent_path(), failed);
    if (failed)
      return fail(base::errno_error(failed.value(), "create directory", home.parent_path()));
    sweep_left_over(home);
    auto dir =
        home.parent_path() / ("." + home.filename().string() + ".gkm-" + base::random_name());
    fs::create_directory(dir, failed);
    if (failed) return fail(base::errno_error(failed.value(), "create directory", dir));
    base::fd lock(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Where locks are impossible, others leave it alone.
    if (lock) ::flock(lock.get(), LOCK_EX | LOCK_NB);
    return staged_directory(dir, home, std::move(lock));
  }
  staged_directory(staged_directory&& other) noexcept
      : dir_(std::exchange(other.dir_, {})),
        home_(std::move(other.home_)),
        lock_(std::move(other.lock_)) {}
  ~staged_directory() {
    if (!dir_.empty()) (void)base::remove_tree(dir_);
  }

  const fs::path& path() const { return dir_; }
  result<void> publish() {
    if (::rename(dir_.c_str(), home_.c_str()) != 0)
      return fail(base::errno_error(errno, "create", home_));
    dir_.clear();
    return {};
  }

private:
  staged_directory(fs::path dir, fs::path home, base::fd lock)
      : dir_(std::move(dir)), home_(std::move(home)), lock_(std::move(lock)) {}

  /// Of pulls into the same directory that were killed: nobody holds their locks.
  static void sweep_left_over(const fs::path& home) {
    auto prefix = "." + home.filename().string() + ".gkm-";
    std::error_code failed;
    std::vector<fs::path> found;
    for (fs::directory_iterator it(home.parent_path(), failed), end; !failed && it != end;
         it.increment(failed))
      if (it->path().filename().string().starts_with(prefix)) found.push_back(it->path());
    for (const auto& dir : found) {
      base::fd lock(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) (void)base::remove_tree(dir);
    }
  }

  fs::path dir_;
  fs::path home_;
  base::fd lock_;  ///< as long as this process lives
};

void print_outcome(const options& o, const oci::resolved_image& image, const stored_cache& stored,
                   const std::string& dir, const result<inventory>& here) {
  field_list s;
  s.line("Image", "image", image.ref.str());
  s.line("Digest", "digest", stored.manifest.str());
  s.line("Type", "type", stored.cache_type);
  s.number("Files", "files", stored.files, std::to_string(stored.files));
  s.number("Size", "bytes", stored.bytes, human_bytes(stored.bytes));
  s.list("Targets", "targets", target_names(stored.targets), {join_targets(stored.targets)});
  if (here) s.line("GPUs here", "gpus", gpus::match(stored.targets, here->gpus).summary());
  auto warnings = stored.problems;
  auto lie = gpus::compare_label(image.hints.targets, stored.targets);
  for (const auto& warning : {image.hints.problem, lie})
    if (!warning.empty()) warnings.push_back(warning);
  s.list("Warning", "warnings", warnings);
  if (stored.relocated_files > 0)
    s.number("Relocated", "relocatedFiles", stored.relocated_files,
             std::to_string(stored.relocated_files) +
                 (stored.relocated_files == 1 ? " file leads here now" : " files lead here now"));
  s.line("Path", "path", dir);
  s.print(o.format);
}

result<int> failed_pull(const error& why, const std::string& step, const fs::path& home) {
  if (why.code != errc::cancelled) return wrap(why, step);
  return fail(errc::cancelled, "Interrupted: '" + home.string() +
                                   "' was not made, and nothing is "
                                   "left of what was pulled");
}

}  // namespace

result<int> pull(const options& o, const std::string& image, std::string dir) {
  auto ref = image_ref::parse(image);
  if (!ref) return fail(ref.error());
  interrupt stop;
  if (dir.empty()) dir = directory_for(*ref);
  auto home = fs::absolute(dir).lexically_normal();
  if (!home.has_filename()) home = home.parent_path();
  auto staged = staged_directory::make(home);
  if (!staged) return fail(staged.error());
  auto opened = images::open(o);
  if (!opened) return fail(opened.error());

  // Of an index, the manifest for the GPUs of this machine, if they are known.
  auto here = find_inventory(o);
  auto fits = [&](const std::vector<target>& t) { return node::would_use(t, here->gpus); };
  auto found =
      oci::resolve(opened->source(), *ref, here ? oci::target_filter(fits) : nullptr, stop.token());
  auto step = "Failed to pull '" + ref->str() + "'";
  if (!found) return failed_pull(found.error(), step, home);
  std::cerr << "Pulling " << ref->str() << ", " << human_bytes(found->layer_bytes) << std::endl;
  oci::extract_limits limits;
  limits.open_to_all = false;
  result<stored_cache> pulled;
  std::string list;
  {
    progress_bar bar("Pulling");
    pulled = node::extract_cache(
        opened->source(), *found, staged->path().string(), limits,
        [&](std::string_view part) { return list += part, result<void>(); },
        [&](uint64_t done, uint64_t total) { bar.update(done, total); }, stop.token());
  }
  if (!pulled) return failed_pull(pulled.error(), step, home);
  // The cache is used where it lies: its own paths lead there.
  if (!list.empty())
    if (auto done = relocation::relocate_in_place(staged->path(), list, home.string()); !done)
      return wrap(done.error(), step);
  if (auto published = staged->publish(); !published) return fail(published.error());
  print_outcome(o, *found, *pulled, home.string(), here);
  if (auto match = here ? gpus::match(pulled->targets, here->gpus) : match_result();
      here && !here->gpus.empty() && !match.usable()) {
    std::cerr << "gkm: pulled, but no GPU of this machine can use it: " << match.summary() << '\n';
    return misfit;
  }
  return success;
}

}  // namespace gkm::cli
