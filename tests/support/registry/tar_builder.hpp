/// Tar archives for tests, header by header: also those that no honest tool would write.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gkm::tests {

struct tar_entry {
  std::string name;  ///< the first 100 bytes go into the header
  char type = '0';   ///< POSIX type flag
  std::string content;
  uint32_t mode = 0644;
  std::string link;
  std::optional<uint64_t> size_bytes;  ///< what the header says, if not the content's size
};

class tar_builder {
public:
  tar_builder& add(const tar_entry& entry);
  tar_builder& file(std::string_view name, std::string_view content, uint32_t mode = 0644);
  tar_builder& directory(std::string_view name, uint32_t mode = 0755);
  tar_builder& symlink(std::string_view name, std::string_view target);
  tar_builder& hard_link(std::string_view name, std::string_view existing);
  /// A pax extended header for the next entry.
  tar_builder& pax(const std::map<std::string, std::string>& records);
  /// The GNU way to give the next entry a long name ('L') or link target ('K').
  tar_builder& gnu_long(char type, std::string_view text);
  tar_builder& raw(std::string_view bytes);

  /// Without the two blocks of zeros that end an archive.
  const std::string& bytes() const { return bytes_; }
  std::string finished() const;

private:
  std::string bytes_;
};

}  // namespace gkm::tests
