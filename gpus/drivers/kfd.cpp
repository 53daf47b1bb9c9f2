#include "gpus/drivers/kfd.hpp"

#include "base/files.hpp"
#include "gpus/drivers/kfd_properties.hpp"
#include "gpus/quote.hpp"
#include "messages/printable.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace gkm::gpus {
namespace fs = std::filesystem;
namespace {

constexpr size_t max_file_bytes = 64 << 10;  // sysfs gives a page
constexpr size_t max_nodes = 4096;
constexpr uint64_t max_warp_size = 1024;

/// The first line, printable; empty if the file cannot be read.
std::string read_line(const fs::path& file) {
  auto text = base::read_file(file, max_file_bytes);
  return text ? printable(text->substr(0, text->find('\n'))) : "";
}

class kfd_scan {
public:
  explicit kfd_scan(const fs::path& root) : root_(root), nodes_(kfd_nodes(root)) {}

  source_report run() {
    if (!list_nodes()) return std::move(out_);
    for (auto number : numbers_) read_node(number);
    std::stable_sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) {
      return std::tuple(a.domain, a.location_id) < std::tuple(b.domain, b.location_id);
    });
    if (found_.size() > max_gpus_per_source) {
      out_.problems.push_back("The AMD driver lists " + std::to_string(found_.size()) +
                              " GPUs; only the first " + std::to_string(max_gpus_per_source) +
                              " count");
      found_.resize(max_gpus_per_source);
    }
    driver_ = driver_version();
    for (const auto& node : found_) add(node);
    return std::move(out_);
  }

private:
  bool list_nodes() {
    std::error_code failed;
    fs::directory_iterator it(nodes_, failed);
    if (failed == std::errc::no_such_file_or_directory) return false;
    out_.present = true;
    for (size_t seen = 0; !failed && it != fs::directory_iterator(); it.increment(failed)) {
      const auto name = it->path().filename().string();
      uint32_t number = 0;
      const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), number);
      if (bad == std::errc() && end == name.data() + name.size()) numbers_.push_back(number);
      if (++seen == max_nodes) break;
    }
    if (failed)
      out_.problems.push_back("Failed to list the AMD GPUs in " + in_quotes(nodes_.string()) +
                              ": " + failed.message());
    std::sort(numbers_.begin(), numbers_.end());
    return true;
  }

  void read_node(uint32_t number) {
    const auto file = nodes_ / std::to_string(number) / "properties";
    auto text = base::read_file(file, max_file_bytes);
    if (text) {
      if (auto node = parse_kfd_properties(*text); node.simd_count > 0) found_.push_back(node);
    } else if (text.error().code != errc::not_found) {  // not: it has just been taken away
      ++out_.count;
      out_.problems.push_back("Failed to read an AMD GPU: " + text.error().message +
                              "; the driver tells it only to who may use the GPU's render node: a "
                              "privileged container, "
                              "or one that was given /dev/dri/renderD*");
    }
  }

  void add(const kfd_properties& node) {
    const auto id = out_.count++;
    const auto arch = gfx_name(node.gfx_target_version);
    if (arch.empty()) {
      out_.problems.push_back("The AMD driver does not tell the architecture of GPU " +
                              std::to_string(id) + " (gfx_target_version " +
                              std::to_string(node.gfx_target_version) +
                              "); Linux does from 5.16 on");
      return;
    }
    const auto warp_size = node.wave_front_size > max_warp_size ? 0 : node.wave_front_size;
    out_.gpus.push_back({id, "hip", arch, product_name(node, arch), uuid(node.unique_id), driver_,
                         static_cast<uint32_t>(warp_size), feature::unstated,
                         sramecc_of(arch, node.capability)});
  }

  /// Server cards have their name in an EEPROM; of the others only the architecture is certain.
  std::string product_name(const kfd_properties& node, const std::string& arch) const {
    auto device =
        root_ / "sys/class/drm" / ("renderD" + std::to_string(node.drm_render_minor)) / "device";
    auto name = read_line(device / "product_name");
    return name.empty() ? "AMD " + arch : name;
  }

  /// As ROCm writes it: sixteen hexadecimal digits.
  static std::string uuid(uint64_t unique_id) {
    if (unique_id == 0) return "";
    constexpr int hex_digits = 16;
    std::string text(hex_digits, '0');
    for (auto digit = text.rbegin(); digit != text.rend(); ++digit, unique_id >>= 4)
      *digit = "0123456789abcdef"[unique_id & 0xf];
    return "GPU-" + text;
  }

  /// A driver that came by itself has a version; that of the kernel is the kernel's.
  std::string driver_version() const {
    auto own = read_line(root_ / "sys/module/amdgpu/version");
    return own.empty() ? read_line(root_ / "proc/sys/kernel/osrelease") : own;
  }

  const fs::path root_;
  const fs::path nodes_;
  std::string driver_;
  std::vector<uint32_t> numbers_;
  std::vector<kfd_properties> found_;
  source_report out_;
};

}  // namespace

fs::path kfd_nodes(const fs::path& root) { return root / "sys/class/kfd/kfd/topology/nodes"; }

source_report scan_kfd(const fs::path& root) { return kfd_scan(root).run(); }

}  // namespace gkm::gpus
