/// Tells whether a tree that must not change has changed. A seal is taken while the tree is written
/// and kept beside it; comparing names and sizes is cheap, comparing every byte reads all of it.
#pragma once

#include "base/file_observer.hpp"
#include "messages/errors.hpp"

#include <array>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

namespace gkm::base {

/// 128 bits of a set of texts, in whatever order they are added. It tells accidents, not attacks:
/// who may write in the tree can write its seal, too.
class text_sum {
public:
  void add(std::string_view one);
  void add(const text_sum& other);
  std::string hex() const;
  bool operator==(const text_sum&) const = default;

private:
  std::array<uint64_t, 2> sum_{};
};

struct tree_seal {
  uint64_t entries = 0;
  uint64_t bytes = 0;   ///< of regular files
  std::string names;    ///< of each entry's path, type, mode, size, and where a link leads
  std::string content;  ///< of each file's path and CRC-64; empty: not known

  bool operator==(const tree_seal&) const = default;
};

/// One line a field. Lines of later versions are passed over.
std::string print_tree_seal(const tree_seal& seal);
result<tree_seal> parse_tree_seal(std::string_view text);

/// How fast files are read: `bytes_per_second` on average, 0 = as fast as possible. A stop ends a
/// pause at once.
struct read_pace {
  uint64_t bytes_per_second = 0;
  std::stop_token stop{};
};

/// The seal of `dir`/`tree`, and of the file `dir`/`beside` if there is one, as they are now;
/// `content` is left empty. `dir` is an open directory. No link is followed.
result<tree_seal> seal_names(int dir, const std::string& tree, const std::string& beside);
/// The same, with every byte read. errc::cancelled after a stop.
result<tree_seal> seal_content(int dir, const std::string& tree, const std::string& beside,
                               const read_pace& pace);

/// What differs, for people ("2 of 14 files are missing"); empty: nothing. What one of the two does
/// not know is not compared.
std::string difference(const tree_seal& was, const tree_seal& is);

/// Takes a seal's content while files are being written, so that they need not be read again.
class seal_observer : public file_observer {
public:
  void begin(std::string_view path, uint64_t size_bytes) override;
  void data(std::span<const std::byte> bytes) override;
  void end() override;

  /// Once all is written. Files that were replaced or linked on the way are not what was seen: then
  /// the tree is read.
  result<tree_seal> finish(int dir, const std::string& tree, const std::string& beside,
                           std::stop_token stop);

private:
  std::string path_;
  uint64_t crc_ = 0;
  text_sum paths_;
  text_sum content_;
};

}  // namespace gkm::base
