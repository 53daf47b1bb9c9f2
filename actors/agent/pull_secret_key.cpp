#include "actors/agent/pull_secret_key.hpp"

#include "base/files.hpp"
#include "base/program/log.hpp"
#include "base/sealing.hpp"

namespace gkm::node {
namespace log = base::log;

result<std::string> own_pull_secret_key(const paths& where) {
  constexpr unsigned owner_only = 0600;
  auto file = where.pull_secret_key();
  auto kept = base::read_file(file, base::sealing_key_bytes);
  if (kept && base::public_key_of(*kept)) return kept;
  if (kept || kept.error().code != errc::not_found)
    log::warn("The key for pull secrets cannot be read, another one is made",
              {{"file", file.string()}, {"error", kept ? "it is no key" : kept.error().message}});
  auto made = base::make_private_key();
  if (!made) return made;
  if (auto written = base::write_file_atomically(file, *made, owner_only); !written)
    log::warn("The key for pull secrets cannot be kept, the next start makes another one",
              {{"error", written.error().message}});
  return made;
}

}  // namespace gkm::node
