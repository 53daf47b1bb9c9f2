#include "actors/node/oci_images.hpp"
#include "base/files.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/images.hpp"
#include "cli/interrupt.hpp"
#include "cli/printing.hpp"
#include "cli/progress.hpp"
#include "cli/sheet.hpp"
#include "cli/table.hpp"
#include "gpu/match.hpp"
#include "oci/extract.hpp"
#include "relocation/apply.hpp"

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
    auto dir =
        home.parent_path() / ("." + home.filename().string() + ".gkm-" + base::random_name());
    fs::create_directory(dir, failed);
    if (failed) return fail(base::errno_error(failed.value(), "create directory", dir));
    return staged_directory(dir, home);
  }
  staged_directory(staged_directory&& other) noexcept
      : dir_(std::exchange(other.dir_, {})), home_(std::move(other.home_)) {}
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
  staged_directory(fs::path dir, fs::path home) : dir_(std::move(dir)), home_(std::move(home)) {}
  fs::path dir_;
  fs::path home_;
};

void print_outcome(const options& o, const oci::resolved_image& image, const stored_cache& stored,
                   const std::string& dir, const result<inventory>& here) {
  sheet s;
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
  if (!found) return wrap(found.error(), step);
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
  if (!pulled) return wrap(pulled.error(), step);
  // The cache is used where it lies: its own paths lead there.
  if (!list.empty())
    if (auto done = relocation::relocate_in_place(staged->path(), list, home.string()); !done)
      return wrap(done.error(), step);
  if (auto published = staged->publish(); !published) return fail(published.error());
  print_outcome(o, *found, *pulled, home.string(), here);
  return success;
}

}  // namespace gkm::cli
