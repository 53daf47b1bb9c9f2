#include "oci/cache_tree.hpp"

#include "oci/entry_name.hpp"

namespace gkm::oci {
namespace {

// All names of one cache together: a million files with the names that Triton gives them fit.
constexpr uint64_t max_name_bytes = 256ULL << 20;

}  // namespace

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
      if (auto r = insert(part, kind::directory, 0); !r) return fail(r.error());
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
  if (auto r = insert(path, kind::directory, 0); !r) return fail(r.error());
  return step::create;
}

result<cache_tree::step> cache_tree::add_file(std::string_view path, uint64_t size_bytes) {
  auto* known = find(path);
  if (!known) {
    if (auto r = insert(path, kind::file, size_bytes); !r) return fail(r.error());
    return step::create;
  }
  if (known->what != kind::file)
    return fail(errc::refused, "it is a file over a " + std::string(name_of(known->what)));
  if (known->layer == layer_) return fail(errc::refused, "it is in the layer twice");
  --files_;
  bytes_ -= known->size_bytes;
  if (auto r = insert(path, kind::file, size_bytes); !r) return fail(r.error());
  return step::replace;
}

result<void> cache_tree::add_symlink(std::string_view path) {
  if (auto* known = find(path))
    return fail(errc::refused, "it is a symbolic link over a " + std::string(name_of(known->what)));
  return insert(path, kind::symlink, 0);
}

result<void> cache_tree::add_hard_link(std::string_view path, std::string_view existing) {
  if (auto* known = find(path))
    return fail(errc::refused, "it is a hard link over a " + std::string(name_of(known->what)));
  auto* origin = find(existing);
  if (!origin || origin->what != kind::file)
    return fail(errc::refused, "it is a hard link to " + in_quotes(existing) +
                                   ", which is no regular file that came before it in the cache");
  return insert(path, kind::file, origin->size_bytes);
}

result<void> cache_tree::count_entry() {
  if (++entries_ > limits_.files)
    return fail(errc::limit_exceeded, "the image has more than " + std::to_string(limits_.files) +
                                          " files and directories, the limit");
  return {};
}

const cache_tree::node* cache_tree::find(std::string_view path) const {
  auto i = nodes_.find(path);
  return i == nodes_.end() ? nullptr : &i->second;
}

result<void> cache_tree::insert(std::string_view path, kind what, uint64_t size_bytes) {
  name_bytes_ += path.size();
  if (name_bytes_ > max_name_bytes)
    return fail(errc::limit_exceeded, "the image's file names are longer than " +
                                          std::to_string(max_name_bytes) +
                                          " bytes together, the limit");
  nodes_.insert_or_assign(std::string(path), node{what, layer_, size_bytes});
  if (what == kind::file) {
    ++files_;
    bytes_ += size_bytes;
  }
  return {};
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
