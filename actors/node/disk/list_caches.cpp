#include "actors/node/disk/list_caches.hpp"

#include <algorithm>

namespace gkm::node {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> directories_in(const fs::path& dir) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (fs::directory_iterator it(dir, ignored), end; it != end; it.increment(ignored))
    if (it->symlink_status(ignored).type() == fs::file_type::directory)
      names.push_back(it->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::vector<cache_ref> list_caches(const paths& p) {
  std::vector<cache_ref> refs;
  auto add = [&](std::string_view ns, std::string_view name) {
    if (auto ref = cache_ref::make(ns, name)) refs.push_back(*ref);
  };
  for (const auto& name : directories_in(p.caches() / "cluster")) add("", name);
  for (const auto& ns : directories_in(p.caches() / "ns"))
    for (const auto& name : directories_in(p.caches() / "ns" / ns)) add(ns, name);
  return refs;
}

}  // namespace gkm::node
