#include "cli/options.hpp"

#include "actors/node/disk/inventory_file.hpp"
#include "base/program/log.hpp"
#include "gpus/drivers/detector.hpp"
#include "gpus/inventory.hpp"
#include "messages/paths.hpp"

#include <pwd.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

namespace gkm::cli {
namespace fs = std::filesystem;
namespace {

std::string environment(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

}  // namespace

inventory_places::inventory_places() : node_file(paths::below("/var/lib/gkm").gpus()) {
  const gpus::driver_places usual;
  root = usual.root;
  nvml = usual.nvml;
}

inventory::inventory() = default;
inventory::inventory(inventory&&) noexcept = default;
inventory::~inventory() = default;

fs::path default_state_dir() {
  if (::geteuid() == 0) return "/var/lib/gkm";
  if (auto xdg = environment("XDG_STATE_HOME"); !xdg.empty()) return fs::path(xdg) / "gkm";
  auto home = environment("HOME");
  return home.empty() ? fs::path("gkm-state") : fs::path(home) / ".local" / "state" / "gkm";
}

fs::path existing_state_dir(const fs::path& machine, const fs::path& home) {
  auto has_state = [](const fs::path& dir) {
    std::error_code ignored;
    return fs::is_directory(paths::below(dir).caches(), ignored);
  };
  auto own = home / ".local" / "state" / "gkm";
  return !home.empty() && !has_state(machine) && has_state(own) ? own : machine;
}

fs::path usual_state_dir() {
  auto usual = default_state_dir();
  auto caller = environment("SUDO_UID");
  if (::geteuid() != 0 || caller.empty()) return usual;
  uint32_t uid = 0;
  auto [end, failed] = std::from_chars(caller.data(), caller.data() + caller.size(), uid);
  const auto* who = failed == std::errc{} ? ::getpwuid(uid) : nullptr;
  return who && who->pw_dir ? existing_state_dir(usual, who->pw_dir) : usual;
}

namespace {

result<inventory> simulate() {
  base::log::info("No-GPU mode: the GPUs are simulated", {{"NO_GPU", environment("NO_GPU")}});
  inventory found;
  found.gpus = gpus::simulated_inventory();
  found.origin = "simulated (NO_GPU=true)";
  found.port = std::make_unique<node::fixed_inventory>(found.gpus);
  return found;
}

result<inventory> read(const std::string& file) {
  auto gpus = gpus::read_inventory(file);
  if (!gpus) {
    auto why = gpus.error();
    // A file that somebody wrote, no image.
    if (why.code == errc::malformed) why.code = errc::invalid_argument;
    return fail(std::move(why));
  }
  inventory found;
  found.gpus = std::move(*gpus);
  found.origin = file;
  found.port = std::make_unique<node::inventory_file>(file);
  return found;
}

result<inventory> detect(const inventory_places& places) {
  const auto file = places.node_file.string();
  auto seen = gpus::detector({places.root, places.nvml}).look();
  std::string problems;
  for (const auto& p : seen.problems) {
    base::log::warn("A GPU or driver cannot be read", {{"why", p}});
    problems += ". " + p;
  }
  if (seen.gpus.empty())
    return fail(
        errc::not_found,
        "Cannot tell which GPUs this machine has: there is no '" + file +
            "', and neither an AMD nor an NVIDIA driver tells of one" + problems +
            ". To try GKM without a GPU, set NO_GPU=true, which simulates two of gfx90a; to "
            "say which GPUs there are, give --gpu-inventory FILE ('gkm gpus --help' shows "
            "its form); where gkm-gpu is installed, it writes that file");
  inventory found;
  found.gpus = std::move(seen.gpus);
  found.origin = "detected (there is no '" + file + "')";
  base::log::info("GPUs are detected once; what comes later is not seen without gkm-gpu",
                  {{"file", file}, {"gpus", found.gpus.size()}});
  found.port = std::make_unique<node::fixed_inventory>(found.gpus);
  return found;
}

}  // namespace

result<inventory> find_inventory(const options& o, const inventory_places& places) {
  if (!o.gpu_inventory.empty()) return read(o.gpu_inventory);
  if (gpus::no_gpu_mode()) return simulate();
  std::error_code ignored;
  if (fs::exists(places.node_file, ignored)) return read(places.node_file);
  return detect(places);
}

}  // namespace gkm::cli
