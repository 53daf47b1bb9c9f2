#include "relocation/apply.hpp"

#include "base/files.hpp"
#include "messages/relocation.hpp"
#include "relocation/content_tree.hpp"

namespace gkm::relocation {

result<void> relocate_in_place(const std::filesystem::path& content, std::string_view list,
                               std::string_view mount_path) {
  auto tree = content_tree::open(content);
  if (!tree) return fail(tree.error());
  return parse_relocations(list, [&](const relocated_file& file) -> result<void> {
    auto old = tree->read(file.path, max_relocated_file_bytes);
    if (!old) return fail(old.error());
    auto rewritten = relocate(*old, file, mount_path);
    if (!rewritten) return fail(rewritten.error());
    return base::write_file_atomically(content / file.path, *rewritten);
  });
}

}  // namespace gkm::relocation
