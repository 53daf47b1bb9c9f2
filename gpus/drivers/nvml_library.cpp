#include "gpus/drivers/nvml_library.hpp"

#include "gpus/quote.hpp"
#include "messages/printable.hpp"

#include <dlfcn.h>

#include <string_view>

namespace gkm::gpus {
namespace {

std::string last_dl_error() {
  const char* text = ::dlerror();
  return printable(text ? text : "unknown error");
}

/// dlopen has no code for it: the text begins with the name of what is missing, which may also be
/// something that the library itself needs.
bool says_absent(const std::string& text, const std::string& name) {
  return text.starts_with(printable(name) + ": ") &&
         text.find("No such file or directory") != std::string::npos;
}

}  // namespace

result<std::unique_ptr<nvml_library>> nvml_library::open(const std::string& name) {
  void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    auto text = last_dl_error();
    return fail(says_absent(text, name) ? errc::not_found : errc::io,
                "Cannot load " + in_quotes(name) + ": " + text);
  }
  std::unique_ptr<nvml_library> library(new nvml_library(handle));
  if (auto found = library->find_functions(); !found)
    return wrap(found.error(), "Cannot use " + in_quotes(name));
  return library;
}

nvml_library::~nvml_library() { ::dlclose(handle_); }

result<void> nvml_library::find_functions() {
  std::string missing;
  auto find = [&](auto& function, const char* name) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle_, name));
    if (!function && missing.empty()) missing = name;
  };
  find(init, "nvmlInit_v2");
  find(shut_down, "nvmlShutdown");
  find(error_text_, "nvmlErrorString");
  find(driver_version, "nvmlSystemGetDriverVersion");
  find(device_count, "nvmlDeviceGetCount_v2");
  find(device_at, "nvmlDeviceGetHandleByIndex_v2");
  find(device_name, "nvmlDeviceGetName");
  find(device_uuid, "nvmlDeviceGetUUID");
  find(device_pci, "nvmlDeviceGetPciInfo_v3");
  find(compute_capability, "nvmlDeviceGetCudaComputeCapability");
  if (missing.empty()) return {};
  return fail(errc::malformed, "it has no '" + missing +
                                   "'; it is no NVIDIA library, or one of a driver older than 450");
}

std::string nvml_library::text_of(status s) const {
  const char* text = error_text_(s);
  return text ? printable(text) : "status " + std::to_string(s);
}

}  // namespace gkm::gpus
