#include "gpus/drivers/uevent.hpp"

#include <algorithm>
#include <array>

namespace gkm::gpus {
namespace {

std::string_view value_of(std::string_view message, std::string_view key) {
  while (!message.empty()) {
    const auto line = message.substr(0, message.find('\0'));
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == '=')
      return line.substr(key.size() + 1);
    message.remove_prefix(std::min(line.size() + 1, message.size()));
  }
  return {};
}

bool is_gpu_driver(std::string_view name) { return name == "amdgpu" || name.starts_with("nvidia"); }

bool is_gpu_module(std::string_view path) {
  const auto slash = path.rfind('/');
  return is_gpu_driver(slash == path.npos ? path : path.substr(slash + 1));
}

/// PCI's display controllers and processing accelerators: classes 0x03 and 0x12, written without
/// leading zeros before four more digits.
bool is_gpu_class(std::string_view code) {
  constexpr size_t more_digits = 4;
  if (code.size() <= more_digits) return false;
  const auto base_class = code.substr(0, code.size() - more_digits);
  return base_class == "3" || base_class == "12";
}

}  // namespace

bool is_about_gpus(std::string_view message) {
  // Not "change": monitors that are plugged in, clocks and resets leave the GPUs what they are.
  constexpr std::array<std::string_view, 4> comes_or_goes{"add", "remove", "bind", "unbind"};
  const auto action = value_of(message, "ACTION");
  if (std::find(comes_or_goes.begin(), comes_or_goes.end(), action) == comes_or_goes.end())
    return false;
  const auto subsystem = value_of(message, "SUBSYSTEM");
  if (subsystem == "drm" || subsystem == "kfd" || is_gpu_driver(subsystem)) return true;
  if (subsystem == "module") return is_gpu_module(value_of(message, "DEVPATH"));
  return subsystem == "pci" && is_gpu_class(value_of(message, "PCI_CLASS"));
}

}  // namespace gkm::gpus
