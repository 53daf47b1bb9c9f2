// Stands in for NVIDIA's management library. What it says is in files, so that it can change while
// a program runs; the environment variable GKM_NVML_STAND_IN names their directory:
//   archs    "9.0 8.0": one GPU each, listed against the order of their PCI addresses
//   status   what nvmlInit_v2 returns
//   count    what is claimed instead of the number of archs
//   lost     the index of a GPU that has fallen off the bus
//   strange  if it is there, names are long, unprintable and without an end
//   hang     as long as it is there, nvmlInit_v2 does not return
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using status = unsigned;
constexpr status ok = 0;
constexpr status invalid_argument = 2;
constexpr status gpu_is_lost = 15;
constexpr auto while_hanging = std::chrono::milliseconds(5);

struct pci_info {
  char legacy_bus_id[16];
  unsigned domain;
  unsigned bus;
  unsigned device;
  unsigned device_id;
  unsigned subsystem_id;
  char bus_id[32];
};

std::filesystem::path file(const char* name) {
  const char* dir = std::getenv("GKM_NVML_STAND_IN");
  return std::filesystem::path(dir ? dir : "/nonexistent") / name;
}

unsigned number(const char* name, unsigned otherwise) {
  unsigned value = otherwise;
  std::ifstream(file(name)) >> value;
  return value;
}

std::vector<std::string> archs() {
  std::vector<std::string> all;
  std::ifstream in(file("archs"));
  for (std::string one; in >> one;) all.push_back(one);
  return all;
}

// Handles are indices plus one.
size_t index_of(void* device) { return reinterpret_cast<size_t>(device) - 1; }

status put(char* out, unsigned size, const std::string& text) {
  if (std::filesystem::exists(file("strange"))) {
    std::memset(out, '\x01', size);
    out[0] = '\xff';
    return ok;
  }
  std::strncpy(out, text.c_str(), size);
  return ok;
}

}  // namespace

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED status nvmlInit_v2() {
  while (std::filesystem::exists(file("hang"))) std::this_thread::sleep_for(while_hanging);
  return number("status", ok);
}
EXPORTED status nvmlShutdown() { return ok; }
EXPORTED const char* nvmlErrorString(status s) {
  return s == gpu_is_lost ? "GPU is lost" : s == 9 ? "Driver Not Loaded" : "Unknown Error";
}
EXPORTED status nvmlSystemGetDriverVersion(char* out, unsigned size) {
  return put(out, size, "570.86.15");
}
EXPORTED status nvmlDeviceGetCount_v2(unsigned* count) {
  *count = number("count", static_cast<unsigned>(archs().size()));
  return ok;
}
EXPORTED status nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  if (index >= archs().size()) return invalid_argument;
  *device = reinterpret_cast<void*>(size_t{index} + 1);
  return ok;
}
EXPORTED status nvmlDeviceGetPciInfo_v3(void* device, pci_info* out) {
  constexpr unsigned last_bus = 0xff;
  *out = {};
  out->bus = last_bus - static_cast<unsigned>(index_of(device));
  return ok;
}
EXPORTED status nvmlDeviceGetName(void* device, char* out, unsigned size) {
  return put(out, size, "NVIDIA Stand-in " + archs().at(index_of(device)));
}
EXPORTED status nvmlDeviceGetUUID(void* device, char* out, unsigned size) {
  return put(out, size, "GPU-" + std::to_string(index_of(device)));
}
EXPORTED status nvmlDeviceGetCudaComputeCapability(void* device, int* major, int* minor) {
  const auto index = index_of(device);
  if (index == number("lost", ~0U)) return gpu_is_lost;
  const auto arch = archs().at(index);
  *major = std::atoi(arch.c_str());
  *minor = std::atoi(arch.c_str() + arch.find('.') + 1);
  return ok;
}
