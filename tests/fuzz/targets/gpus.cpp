// What the node says of its GPUs: the inventory, the driver's files, the kernel's events, names of
// architectures.
#include "gpus/arch.hpp"
#include "gpus/drivers/kfd_properties.hpp"
#include "gpus/drivers/uevent.hpp"
#include "gpus/inventory.hpp"
#include "gpus/match.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace gkm::fuzz {
namespace {

using namespace gpus;

void read_inventory_text(std::string_view input) {
  work_meter work;
  require_round_trip(
      input, [](std::string_view text) { return parse_inventory(text); },
      [](const std::vector<gpu>& all) { return print_inventory(all); });
  work.require_at_most(256 << 10, 256, input.size(), "an inventory");
}

void read_kfd(std::string_view input) {
  const auto node = parse_kfd_properties(input);
  const auto name = gfx_name(node.gfx_target_version);
  require(name.empty() || is_amd_arch(name), "the driver's number became no architecture: " + name);
  sramecc_of(name, node.capability);
}

void read_event(std::string_view input) { is_about_gpus(input); }

void read_arch(std::string_view input) {
  if (auto cuda = parse_cuda_arch(input))
    require(cuda->str() == input, "an architecture is not printed as it was read");
  auto [backend, arch] = first_line(input);
  auto told = parse_target(backend, arch, 32);
  if (!told) return;
  auto again = parse_target(told->backend, told->arch, 32);
  require_ok(again, "a normalised target is not read");
  require(again->arch == told->arch, "a normalised target is normalised once more");
  require(agree(*told, *told), "a target does not agree with itself");
  const gpu device{0, told->backend, told->arch, "", "", "", 32, {}, {}};
  const auto verdict = match({*told}, {device});
  require(verdict.known && verdict.gpus.size() == 1, "one GPU has not one verdict");
  require(verdict.gpus[0].compatible == verdict.gpus[0].reason.empty(),
          "a misfit without a reason");
  compare_label({*told}, {*told});
}

}  // namespace

std::vector<subject> subjects() {
  return {
      {"inventory",
       read_inventory_text,
       {R"({"gpus":[{"id":0,"backend":"hip","arch":"gfx942","gpuType":"AMD Instinct MI300X","uuid":"GPU-1",)"
        R"("driverVersion":"6.10","warpSize":64,"xnack":"off","sramecc":"on"}]})",
        R"({"gpus":[{"id":1,"backend":"cuda","arch":"9.0"},{"id":0,"backend":"cuda","arch":"sm_75"}]})",
        R"({"gpus":[]})"}},
      {"kfd",
       read_kfd,
       {"simd_count 416\ngfx_target_version 90010\nwave_front_size 64\ncapability 746611328\n"
        "unique_id 11400714819323198485\ndomain 0\nlocation_id 512\ndrm_render_minor 129\n",
        "simd_count 0\n\n x\ngfx_target_version 110001\n",
        "gfx_target_version 18446744073709551615"}},
      {"event",
       read_event,
       {std::string("add@/x\0ACTION=add\0SUBSYSTEM=pci\0PCI_CLASS=30000\0", 47),
        std::string("ACTION=remove\0DEVPATH=/module/amdgpu\0SUBSYSTEM=module\0", 54)}},
      {"arch",
       read_arch,
       {"75", "90a", "100f", "cuda\nsm_90a", "cuda\n100f", "hip\ngfx90a:sramecc+:xnack-",
        "hip\ngfx9-4-generic"}},
  };
}

std::vector<std::string> tokens() {
  return {"\"gpus\"",
          "\"id\"",
          "\"backend\"",
          "\"arch\"",
          "\"warpSize\"",
          "\"xnack\"",
          "\"sramecc\"",
          "any",
          "cuda",
          "hip",
          "gfx90a",
          "sm_90a",
          "gfx_target_version ",
          "capability ",
          "simd_count ",
          "ACTION=bind",
          "SUBSYSTEM=drm",
          "PCI_CLASS=120000"};
}

}  // namespace gkm::fuzz
