#include "gpus/drivers/nvml.hpp"

#include "gpus/arch.hpp"
#include "gpus/drivers/nvml_library.hpp"
#include "messages/printable.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>

namespace gkm::gpus {
namespace {

constexpr uint32_t cuda_warp_size = 32;  // of every compute capability so far

struct found_gpu {
  // What cannot be placed comes last, in the library's order.
  std::tuple<bool, unsigned, unsigned, unsigned> place{true, 0, 0, 0};
  std::optional<gpu> what;
};

class nvml_scan {
public:
  explicit nvml_scan(const nvml_library& library) : nvml_(library) { out_.present = true; }

  source_report run() {
    if (!works("start the NVIDIA driver's library", nvml_.init())) return std::move(out_);
    read_gpus();
    nvml_.shut_down();
    return std::move(out_);
  }

private:
  bool works(const std::string& step, nvml_library::status s) {
    if (s == nvml_library::ok) return true;
    out_.problems.push_back("Failed to " + step + ": " + nvml_.text_of(s) +
                            "; does 'nvidia-smi' work here?");
    return false;
  }

  template <size_t Chars, class Function>
  std::string text(const std::string& step, Function read) {
    std::array<char, Chars + 1> buffer{};
    if (!works(step, read(buffer.data(), static_cast<unsigned>(Chars)))) return "";
    buffer.back() = '\0';
    return printable(buffer.data());
  }

  void read_gpus() {
    driver_ = text<nvml_library::driver_version_chars>("read the NVIDIA driver's version",
                                                       nvml_.driver_version);
    unsigned count = 0;
    if (!works("count the NVIDIA GPUs", nvml_.device_count(&count))) return;
    if (count > max_gpus_per_source) {
      out_.problems.push_back("The NVIDIA driver says it has " + std::to_string(count) +
                              " GPUs; only the first " + std::to_string(max_gpus_per_source) +
                              " count");
      count = max_gpus_per_source;
    }
    std::vector<found_gpu> found;
    for (unsigned i = 0; i < count; ++i) found.push_back(read(i));
    // The library promises no order; the bus has one that survives a reboot.
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.place < b.place; });
    for (auto& f : found) {
      if (f.what) f.what->id = out_.count;
      if (f.what) out_.gpus.push_back(std::move(*f.what));
      ++out_.count;
    }
  }

  found_gpu read(unsigned index) {
    const auto of = " of NVIDIA GPU " + std::to_string(index);
    found_gpu out;
    nvml_library::device device = nullptr;
    if (!works("get hold" + of, nvml_.device_at(index, &device))) return out;
    nvml_library::pci_info pci{};
    if (works("read the PCI address" + of, nvml_.device_pci(device, &pci)))
      out.place = {false, pci.domain, pci.bus, pci.device};
    int major = 0;
    int minor = 0;
    if (!works("read the compute capability" + of,
               nvml_.compute_capability(device, &major, &minor)))
      return out;
    const auto arch = std::to_string(major) + std::to_string(minor);
    if (major < 0 || minor < 0 || minor > 9 || !parse_cuda_arch(arch)) {
      out_.problems.push_back("The compute capability" + of + " makes no sense: " +
                              std::to_string(major) + "." + std::to_string(minor));
      return out;
    }
    auto name = text<nvml_library::name_chars>(
        "read the name" + of, [&](char* t, unsigned n) { return nvml_.device_name(device, t, n); });
    auto uuid = text<nvml_library::uuid_chars>(
        "read the UUID" + of, [&](char* t, unsigned n) { return nvml_.device_uuid(device, t, n); });
    out.what = gpu{
        0, "cuda", arch, name, uuid, driver_, cuda_warp_size, feature::unstated, feature::unstated};
    return out;
  }

  const nvml_library& nvml_;
  source_report out_;
  std::string driver_;
};

}  // namespace

source_report scan_nvml(const std::string& library) {
  auto opened = nvml_library::open(library);
  if (opened) return nvml_scan(**opened).run();
  source_report out;
  out.present = opened.error().code != errc::not_found;
  if (out.present) out.problems.push_back(opened.error().message);
  return out;
}

}  // namespace gkm::gpus
