#include "cli/options.hpp"

#include "actors/node/inventory_file.hpp"
#include "base/log.hpp"
#include "gpu/inventory.hpp"

#include <unistd.h>

#include <cstdlib>

namespace gkm::cli {
namespace fs = std::filesystem;
namespace {

constexpr const char* node_inventory = "/run/gkm/gpus.json";

bool is_true(const char* text) {
  std::string_view t = text ? text : "";
  return t == "true" || t == "TRUE" || t == "True" || t == "1" || t == "yes";
}

std::string environment(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

}  // namespace

inventory::inventory() = default;
inventory::inventory(inventory&&) noexcept = default;
inventory::~inventory() = default;

fs::path default_state_dir() {
  if (::geteuid() == 0) return "/var/lib/gkm";
  if (auto xdg = environment("XDG_STATE_HOME"); !xdg.empty()) return fs::path(xdg) / "gkm";
  auto home = environment("HOME");
  return home.empty() ? fs::path("gkm-state") : fs::path(home) / ".local" / "state" / "gkm";
}

result<inventory> find_inventory(const options& o) {
  inventory found;
  std::error_code ignored;
  if (o.gpu_inventory.empty() && is_true(std::getenv("NO_GPU"))) {
    base::log::info("No-GPU mode: the GPUs are simulated", {{"NO_GPU", environment("NO_GPU")}});
    found.gpus = gpus::simulated_inventory();
    found.origin = "simulated (NO_GPU=true)";
    found.port = std::make_unique<node::fixed_inventory>(found.gpus);
    return found;
  }
  found.origin = o.gpu_inventory.empty() ? node_inventory : o.gpu_inventory;
  if (o.gpu_inventory.empty() && !fs::exists(found.origin, ignored))
    return fail(errc::not_found,
                "Cannot tell which GPUs this machine has: there is no '" + found.origin +
                    "'. Give an inventory with --gpu-inventory FILE (gkm gpus --help shows its "
                    "form), or set NO_GPU=true to simulate two gfx90a GPUs");
  auto gpus = gpus::read_inventory(found.origin);
  if (!gpus) return fail(gpus.error());
  found.gpus = std::move(*gpus);
  found.port = std::make_unique<node::inventory_file>(found.origin);
  return found;
}

}  // namespace gkm::cli
