/// How much of the disk a stored digest takes, in a file beside its content.
#pragma once

#include "actors/node/disk_budget.hpp"

#include <filesystem>

namespace gkm::node {

result<void> write_occupied(const std::filesystem::path& stored, const room& occupied);

/// What the file says; if there is none that can be read, what the tree comes to.
room read_occupied(const std::filesystem::path& stored);

}  // namespace gkm::node
