/// What the files of one directory say together: kernels, the JSON beside them, the PTX beside
/// them.
///
/// Only the directory that is being read is remembered, since archives list a directory's files one
/// after the other. Where one does not, a directory counts as several: its JSON may then be
/// believed although a kernel elsewhere contradicts it, and a suffix that only PTX tells is missed.
#pragma once

#include "gpus/arch.hpp"
#include "gpus/kernels/image_capture.hpp"
#include "gpus/kernels/target_tally.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gkm::gpus {

class kernel_directory {
public:
  explicit kernel_directory(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  /// `stem` is the file's name without its suffix.
  void add_image(std::string_view stem, const found_kernel& kernel);
  void add_json(std::string_view name, const target& t);
  void add_ptx(std::string_view stem, const cuda_arch& arch);

  /// Draws the conclusions. The directory itself stays as it is.
  void settle(target_tally& tally) const;

private:
  struct json_claim {
    uint64_t kernels = 0;
    std::string example;  ///< a file that says so
  };
  using counts = std::map<target, uint64_t>;

  counts images_with_suffix() const;
  target with_warp_size(target t) const;

  std::string path_;
  counts images_;
  std::vector<std::pair<std::string, target>> open_;  ///< stem, target whose suffix PTX may tell
  std::map<std::string, cuda_arch, std::less<>> ptx_;
  std::map<target, json_claim> json_;
};

}  // namespace gkm::gpus
