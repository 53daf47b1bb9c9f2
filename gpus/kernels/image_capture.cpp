#include "gpus/kernels/image_capture.hpp"

#include "gpus/arch.hpp"

#include <algorithm>

namespace gkm::gpus {

void image_capture::feed(std::span<const std::byte> bytes) {
  while (!done_) {
    take(bytes);
    if (bytes_.size() < needed_) return;
    if (!header_)
      read_header();
    else
      read_sections();
  }
}

void image_capture::finish() {
  if (done_) return;
  done_ = true;
  if (kernel_) kernel_->open_suffix = true;
}

void image_capture::take(std::span<const std::byte>& bytes) {
  const auto n = std::min<uint64_t>(needed_ - bytes_.size(), bytes.size());
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
  bytes = bytes.subspan(n);
}

void image_capture::read_header() {
  header_ = parse_kernel_header(bytes_);
  if (!header_) {
    done_ = true;
    return;
  }
  kernel_ = found_kernel{read_kernel_header(*header_), header_->end, false};
  if (!kernel_->info.needs_sections) {
    done_ = true;
    return;
  }
  needed_ = bytes_needed(*header_, bytes_);
  if (needed_ == 0 || needed_ > spare_bytes_) finish();
}

void image_capture::read_sections() {
  if (auto more = bytes_needed(*header_, bytes_); more > bytes_.size() && more <= spare_bytes_) {
    needed_ = more;
    return;
  }
  auto arch = parse_cuda_arch(kernel_->info.built_for.arch);
  auto suffix = find_suffix(*header_, bytes_, arch->sm);
  if (!suffix) return finish();
  arch->suffix = *suffix;
  kernel_->info.built_for.arch = arch->str();
  done_ = true;
  bytes_ = {};
}

}  // namespace gkm::gpus
