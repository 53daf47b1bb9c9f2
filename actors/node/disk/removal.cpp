#include "actors/node/disk/removal.hpp"

#include "actors/node/disk/volume_records.hpp"
#include "base/files.hpp"
#include "base/program/log.hpp"

#include <cerrno>
#include <cstdio>

namespace gkm::node {
namespace fs = std::filesystem;
namespace log = base::log;

result<fs::path> take_out_unused(const paths& p, const digest& manifest, const std::string& boot) {
  auto home = p.stored(manifest);
  auto taken = p.taken_out(manifest);
  auto trash = p.staging() / base::random_name();
  // One that could not be put back is in the way.
  ::rename(taken.c_str(), damaged_name(p, manifest.hex).c_str());
  if (::rename(home.c_str(), taken.c_str()) != 0) {
    if (errno == ENOENT) return trash;
    return fail(base::errno_error(errno, "remove", home));
  }
  auto used = is_in_use(p, manifest, boot);
  error why{errc::busy, "'" + manifest.str() + "' is in use by a volume", {}};
  if (!used) {
    why = used.error();
  } else if (!*used) {
    if (::rename(taken.c_str(), trash.c_str()) == 0) return trash;
    why = base::errno_error(errno, "remove", taken);
  }
  if (::rename(taken.c_str(), home.c_str()) == 0) return fail(why);
  log::error("Cannot put back into the store; the next start will",
             {{"dir", taken.string()}, {"error", base::errno_error(errno, "move", taken).message}});
  return trash;
}

fs::path damaged_name(const paths& p, const std::string& name) {
  return p.staging() / (name + "." + base::random_name());
}

bool is_damaged_in_use(const paths& p, const fs::path& entry, const std::string& boot) {
  auto name = entry.filename();
  auto manifest = digest::parse("sha256:" + name.stem().string());
  if (!manifest || !name.has_extension()) return false;
  auto used = is_in_use(p, *manifest, boot);
  return !used || *used;
}

}  // namespace gkm::node
