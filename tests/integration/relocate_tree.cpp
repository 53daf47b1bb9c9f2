// relocate-tree CONTENT_DIR OUT_DIR MOUNT_PATH: a copy of a cache's content as a pod sees it that
// mounts it at MOUNT_PATH. The list goes through its text, as it does between the agent and
// gkm-csi. Prints how many files were rewritten.
#include "relocation/apply.hpp"
#include "relocation/scan.hpp"

#include <filesystem>
#include <iostream>

namespace {

gkm::result<uint64_t> relocate_tree(const std::filesystem::path& content,
                                    const std::filesystem::path& out, const std::string& mount) {
  auto index = gkm::relocation::find_index_files(content);
  if (!index) return gkm::fail(index.error());
  std::string list;
  auto keep = [&](std::string_view part) { return list += part, gkm::result<void>(); };
  auto report = gkm::relocation::scan(content, *index, keep, {});
  if (!report) return gkm::fail(report.error());
  for (const auto& problem : report->problems) std::cerr << problem << "\n";
  std::error_code failed;
  std::filesystem::copy(
      content, out,
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks,
      failed);
  if (failed) return gkm::fail(gkm::errc::io, "Failed to copy: " + failed.message());
  if (auto done = gkm::relocation::relocate_in_place(out, list, mount); !done)
    return gkm::fail(done.error());
  return report->files;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: relocate-tree CONTENT_DIR OUT_DIR MOUNT_PATH\n";
    return 2;
  }
  auto files = relocate_tree(argv[1], argv[2], argv[3]);
  if (!files) {
    std::cerr << files.error().message << "\n";
    return 1;
  }
  std::cout << *files << "\n";
}
