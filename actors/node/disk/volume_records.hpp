/// Reads gkm-csi's volume records. What is read there is input, however privileged its writer.
#pragma once

#include "messages/paths.hpp"
#include "messages/volume.hpp"

#include <string>
#include <vector>

namespace gkm::node {

/// More volumes than any node can have.
constexpr size_t max_volume_records = 100'000;

/// The keys of the volumes that have a record; none if the directory is not there.
/// errc::limit_exceeded if there are more than `max_volume_records`.
result<std::vector<std::string>> list_volume_keys(const paths& p);

/// errc::not_found if there is none or it is of another boot than `boot`; errc::malformed if it
/// does not parse.
result<volume_record> read_volume(const paths& p, const std::string& key, const std::string& boot);

/// Whether a volume of this boot needs the digest, mounted or about to be. Fails if that cannot be
/// told: also for every digest while there is a record that cannot be read.
result<bool> is_in_use(const paths& p, const digest& manifest, const std::string& boot);

}  // namespace gkm::node
