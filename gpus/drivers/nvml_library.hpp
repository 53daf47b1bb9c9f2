/// The few functions of NVIDIA's management library that are used here, in our own words: found
/// when the program runs, so that nothing of NVIDIA's is needed to build it or to run without a
/// GPU.
///
/// Signatures and sizes: NVML API Reference Guide; they have not changed since the `_v2` and `_v3`
/// names, which every driver with a `libnvidia-ml.so.1` from R450 on has.
#pragma once

#include "messages/errors.hpp"

#include <memory>
#include <string>

namespace gkm::gpus {

class nvml_library {
public:
  using status = unsigned;
  static constexpr status ok = 0;
  using device = struct device_of_the_driver*;

  struct pci_info {
    char legacy_bus_id[16];
    unsigned domain;
    unsigned bus;
    unsigned device;
    unsigned device_id;
    unsigned subsystem_id;
    char bus_id[32];
  };
  static_assert(sizeof(pci_info) == 68);

  /// Sizes that the library promises to be content with.
  static constexpr unsigned name_chars = 96;
  static constexpr unsigned uuid_chars = 96;
  static constexpr unsigned driver_version_chars = 80;

  /// `name` as dlopen takes it. errc::not_found if there is no such library.
  static result<std::unique_ptr<nvml_library>> open(const std::string& name);
  ~nvml_library();
  nvml_library(const nvml_library&) = delete;
  nvml_library& operator=(const nvml_library&) = delete;

  /// What the library calls this status, made printable.
  std::string text_of(status s) const;

  status (*init)() = nullptr;
  status (*shut_down)() = nullptr;
  status (*driver_version)(char* text, unsigned chars) = nullptr;
  status (*device_count)(unsigned* count) = nullptr;
  status (*device_at)(unsigned index, device* found) = nullptr;
  status (*device_name)(device of, char* text, unsigned chars) = nullptr;
  status (*device_uuid)(device of, char* text, unsigned chars) = nullptr;
  status (*device_pci)(device of, pci_info* found) = nullptr;
  status (*compute_capability)(device of, int* major, int* minor) = nullptr;

private:
  explicit nvml_library(void* handle) : handle_(handle) {}
  result<void> find_functions();

  void* handle_;
  const char* (*error_text_)(status) = nullptr;
};

}  // namespace gkm::gpus
