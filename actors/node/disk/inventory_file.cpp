#include "actors/node/disk/inventory_file.hpp"

#include "base/directory_watch.hpp"
#include "base/program/log.hpp"
#include "gpus/inventory.hpp"

#include <ctime>
#include <mutex>

namespace gkm::node {

inventory_file::inventory_file(std::filesystem::path file)
    : file_(std::filesystem::absolute(file)) {}

inventory_file::~inventory_file() = default;

void inventory_file::watch(std::function<void(result<std::vector<gpu>>)> changed) {
  // One reading at a time, so that an older one never arrives after a newer one.
  auto read = [file = file_, changed = std::move(changed),
               reading = std::make_shared<std::mutex>()] {
    std::lock_guard lock(*reading);
    changed(gpus::read_inventory(file));
  };
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
