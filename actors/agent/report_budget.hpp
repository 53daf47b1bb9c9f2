/// How much of what a node knows goes into one report: etcd takes no object above 1.5 MiB, and a
/// report that it refuses says nothing at all. What is left out is counted.
#pragma once

#include "messages/node_report.hpp"

#include <cstddef>

namespace gkm::node {

/// Bytes of one report in etcd: its status as JSON, and the API server's record of who wrote which
/// field of it. Identity, labels and GPUs come on top, some KiB.
inline constexpr size_t report_bytes_max = 1'024 * 1'024;
/// Volumes listed of one digest; of all its pods there is a count.
inline constexpr size_t listed_volumes_max = 32;
// As deploy/crd has them.
inline constexpr size_t reported_caches_max = 4'096;
inline constexpr size_t reported_digests_max = 64;

/// An upper bound of what `report.caches` are in etcd.
size_t bytes_in_etcd(const node_report& report);

/// Leaves out what there is no room for, the least important first: long texts, pods, reasons of
/// GPUs, then entries, of which those that wait go first and those in use last. Sets `pod_count`
/// and `omitted`. What fits stays as it is; the same input gives the same report.
void fit(node_report& report);

}  // namespace gkm::node
