#include "actors/node/disk/occupied.hpp"

#include "base/files.hpp"
#include "messages/paths.hpp"

#include <sys/stat.h>

#include <charconv>
#include <optional>

namespace gkm::node {
namespace fs = std::filesystem;
namespace {

constexpr size_t max_text_bytes = 64;
constexpr uint64_t stat_block_bytes = 512;

std::optional<room> parse(std::string_view text) {
  room r;
  auto end = text.data() + text.size();
  auto bytes = std::from_chars(text.data(), end, r.bytes);
  if (bytes.ec != std::errc() || bytes.ptr == end || *bytes.ptr != ' ') return std::nullopt;
  auto inodes = std::from_chars(bytes.ptr + 1, end, r.inodes);
  if (inodes.ec != std::errc() || inodes.ptr == end || *inodes.ptr != '\n') return std::nullopt;
  return r;
}

room walk(const fs::path& dir) {
  room sum;
  std::error_code failed;
  for (fs::recursive_directory_iterator it(dir, failed), end; !failed && it != end;
       it.increment(failed)) {
    struct stat about {};
    if (::lstat(it->path().c_str(), &about) == 0)
      sum = sum + room{static_cast<uint64_t>(about.st_blocks) * stat_block_bytes, 1};
  }
  return sum;
}

}  // namespace

result<void> write_occupied(const fs::path& stored, const room& occupied) {
  return base::write_file_atomically(
      stored / paths::occupied,
      std::to_string(occupied.bytes) + " " + std::to_string(occupied.inodes) + "\n");
}

room read_occupied(const fs::path& stored) {
  if (auto text = base::read_file(stored / paths::occupied, max_text_bytes))
    if (auto said = parse(*text)) return *said;
  auto found = walk(stored);
  // The next start need not walk again. Where this cannot be kept, it does.
  (void)write_occupied(stored, found);
  return found;
}

}  // namespace gkm::node
