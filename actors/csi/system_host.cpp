#include "actors/csi/system_host.hpp"

#include "base/files.hpp"

#include <ctime>

namespace gkm::csi {

result<std::unique_ptr<system_host>> system_host::make() {
  auto boot = base::boot_id();
  if (!boot) return fail(boot.error());
  return std::unique_ptr<system_host>(new system_host(std::move(*boot)));
}

int64_t system_host::unix_seconds() { return std::time(nullptr); }

}  // namespace gkm::csi
