/// Where a node's inventory comes from: a file that is watched, or a fixed list.
#pragma once

#include "actors/node/ports.hpp"

#include <filesystem>
#include <memory>

namespace gkm::base {
class directory_watch;
}

namespace gkm::node {

/// `gpus.json`, read at once and again whenever it changes.
class inventory_file : public inventory_port {
public:
  explicit inventory_file(std::filesystem::path file);
  ~inventory_file() override;
  void watch(std::function<void(result<std::vector<gpu>>)> changed) override;

private:
  std::filesystem::path file_;
  std::unique_ptr<base::directory_watch> watch_;
};

/// GPUs that do not change: the simulated ones.
class fixed_inventory : public inventory_port {
public:
  explicit fixed_inventory(std::vector<gpu> gpus) : gpus_(std::move(gpus)) {}
  void watch(std::function<void(result<std::vector<gpu>>)> changed) override { changed(gpus_); }

private:
  std::vector<gpu> gpus_;
};

class system_clock : public clock_port {
public:
  int64_t unix_seconds() override;
};

}  // namespace gkm::node
