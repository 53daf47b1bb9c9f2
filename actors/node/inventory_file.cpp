#include "actors/node/inventory_file.hpp"

#include "base/directory_watch.hpp"
#include "base/log.hpp"
#include "gpu/inventory.hpp"

#include <ctime>

namespace gkm::node {

inventory_file::inventory_file(std::filesystem::path file)
    : file_(std::filesystem::absolute(file)) {}

inventory_file::~inventory_file() = default;

void inventory_file::watch(std::function<void(result<std::vector<gpu>>)> changed) {
  auto read = [file = file_, changed = std::move(changed)] { changed(gpus::read_inventory(file)); };
  auto started = base::directory_watch::start(file_.parent_path(), read);
  if (started)
    watch_ = std::move(*started);
  else
    base::log::warn("Changes of the GPU inventory will not be seen",
                    {{"file", file_.string()}, {"error", started.error().message}});
  read();
}

int64_t system_clock::unix_seconds() { return std::time(nullptr); }

}  // namespace gkm::node
