#include "oci/extract/cache_tree.hpp"

#include "base/sha256.hpp"
#include "oci/extract/entry_name.hpp"

#include <array>
#include <charconv>
#include <random>

namespace gkm::oci {
namespace {

/// Drawn once for this process.
const std::string& secret() {
  static const std::string drawn = [] {
    std::random_device chance;
    std::array<std::random_device::result_type, 8> words{};
    for (auto& word : words) word = chance();
    return std::string(reinterpret_cast<const char*>(words.data()), sizeof words);
  }();
  return drawn;
}

uint64_t number_at(std::string_view hex, size_t at) {
  constexpr size_t digits = 16;
  uint64_t value = 0;
  std::from_chars(hex.data() + at, hex.data() + at + digits, value, digits);
  return value;
}

}  // namespace

cache_tree::key cache_tree::key_of(std::string_view path) {
  auto hash = base::sha256::of(secret() + std::string(path)).hex;
  return {number_at(hash, 0), number_at(hash, 16)};
}

result<std::vector<std::string_view>> cache_tree::add_parents(std::string_view path) {
  std::vector<std::string_view> missing;
  auto slash = path.rfind('/');
  auto parent = slash == path.npos ? std::string_view() : path.substr(0, slash);
  if (parent.empty() || parent == last_parent_) return missing;
  for (auto end = parent.find('/');; end = parent.find('/', end + 1)) {
    auto part = parent.substr(0, end);
    auto* known = find(part);
    if (known && known->what != kind::directory)
      return fail(errc::refused, "it lies beneath " + in_quotes(part) + ", which is a " +
                                     std::string(name_of(known->what)));
    if (!known) {
      if (auto r = count_entry(); !r) return fail(r.error());
      insert(part, kind::directory, 0);
      missing.push_back(part);
    }
    if (end == parent.npos) break;
  }
  last_parent_ = parent;
  return missing;
}

result<cache_tree::step> cache_tree::add_directory(std::string_view path) {
  if (auto* known = find(path)) {
    if (known->what != kind::directory)
      return fail(errc::refused, "it is a directory over a " + std::string(name_of(known->what)));
    return step::nothing;
  }
  insert(path, kind::directory, 0);
  return step::create;
}

result<cache_tree::step> cache_tree::add_file(std::string_view path, uint64_t size_bytes) {
  auto* known = find(path);
  if (!known) {
    insert(path, kind::file, size_bytes);
    return step::create;
  }
  if (known->what != kind::file)
    return fail(errc::refused, "it is a file over a " + std::string(name_of(known->what)));
  if (known->layer == layer_) return fail(errc::refused, "it is in the layer twice");
  --files_;
  bytes_ -= known->size_bytes;
  insert(path, kind::file, size_bytes);
  return step::replace;
}

result<void> cache_tree::add_symlink(std::string_view path) {
  if (auto* known = find(path))
    return fail(errc::refused, "it is a symbolic link over a " + std::string(name_of(known->what)));
  insert(path, kind::symlink, 0);
  return {};
}

result<void> cache_tree::add_hard_link(std::string_view path, std::string_view existing) {
  if (auto* known = find(path))
    return fail(errc::refused, "it is a hard link over a " + std::string(name_of(known->what)));
  auto* origin = find(existing);
  if (!origin || origin->what != kind::file)
    return fail(errc::refused, "it is a hard link to " + in_quotes(existing) +
                                   ", which is no regular file that came before it in the cache");
  insert(path, kind::file, origin->size_bytes);
  return {};
}

result<void> cache_tree::count_entry() {
  if (++entries_ > limits_.files)
    return fail(errc::limit_exceeded, "the image has more than " + std::to_string(limits_.files) +
                                          " files and directories, the limit");
  return {};
}

const cache_tree::node* cache_tree::find(std::string_view path) const {
  auto i = nodes_.find(key_of(path));
  return i == nodes_.end() ? nullptr : &i->second;
}

void cache_tree::insert(std::string_view path, kind what, uint64_t size_bytes) {
  nodes_.insert_or_assign(key_of(path), node{what, layer_, size_bytes});
  if (what != kind::file) return;
  ++files_;
  bytes_ += size_bytes;
}

std::string_view cache_tree::name_of(kind what) {
  switch (what) {
    case kind::directory:
      return "directory";
    case kind::file:
      return "regular file";
    case kind::symlink:
      return "symbolic link";
  }
  return "thing";
}

}  // namespace gkm::oci
