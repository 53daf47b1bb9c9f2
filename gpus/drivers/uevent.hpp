/// What the kernel says when a device or driver comes or goes. Pure.
#pragma once

#include <string_view>

namespace gkm::gpus {

/// Can this message mean that there are other GPUs now? `message` is as the kernel sends it:
/// "add@/devices/…" and "KEY=value" texts, each ended by a zero.
bool is_about_gpus(std::string_view message);

}  // namespace gkm::gpus
