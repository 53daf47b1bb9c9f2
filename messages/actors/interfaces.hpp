/// Who speaks to whom: every actor's interface, one line per message. Read this first.
///
// clang-format off
///   wishes ──changed/deleted/synced──▶ node ──wanted/withdraw──▶ cache* ──resolve/pull──▶ puller
///                                      ▲  ▲   mounted/unmounted  │ │ │                      │
///                      mounted/unmounted  │gpus                  │ │ │claim/record/…        │stage/commit
///                                      │  │                      │ │ └────────▶ store ◀─────┘
///                                      │ gpu ◀───────match───────┘ │             ▲
///                                      │                           └──report──▶ reporter
///                                    usage ─────────────pin/unpin────────────────┘
// clang-format on
/// In gkm-csi, which meets the above only on disk:
///   kubelet ──gRPC──▶ services ──publish/unpublish/stats──▶ volumes ──the same──▶ mount*
/// In gkm-operator, which meets the agents only in objects of the API:
///   watches ──changed/report/node/…──▶ caches ──changed/node/limit/act──▶ cache object* ──▶ API
///   lease ──lead──▶ caches ──wanted/withdraw/node/act──▶ pull secrets ──▶ API
///   watches ──changed──▶ rollouts ──▶ API ; lease ──act──▶ rollouts
/// `*` = one per cache or volume. Every question is asked with a time limit; every port's answer
/// comes back as a `run` message to the actor that asked.
#pragma once

#include "messages/actors/caf.hpp"
#include "messages/cache.hpp"
#include "messages/node_facts.hpp"
#include "messages/node_report.hpp"
#include "messages/volume.hpp"

#include <caf/all.hpp>

#include <map>
#include <string>
#include <vector>

CAF_BEGIN_TYPE_ID_BLOCK(gkm, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(gkm, (gkm::digest))
CAF_ADD_TYPE_ID(gkm, (gkm::image_ref))
CAF_ADD_TYPE_ID(gkm, (gkm::target))
CAF_ADD_TYPE_ID(gkm, (gkm::gpu))
CAF_ADD_TYPE_ID(gkm, (gkm::gpu_verdict))
CAF_ADD_TYPE_ID(gkm, (gkm::match_result))
CAF_ADD_TYPE_ID(gkm, (gkm::cache_ref))
CAF_ADD_TYPE_ID(gkm, (gkm::cache_spec))
CAF_ADD_TYPE_ID(gkm, (gkm::image_plan))
CAF_ADD_TYPE_ID(gkm, (gkm::stored_cache))
CAF_ADD_TYPE_ID(gkm, (gkm::catalog_record))
CAF_ADD_TYPE_ID(gkm, (gkm::cache_status))
CAF_ADD_TYPE_ID(gkm, (gkm::recovered))
CAF_ADD_TYPE_ID(gkm, (gkm::mounted_volume))
CAF_ADD_TYPE_ID(gkm, (gkm::publish_request))
CAF_ADD_TYPE_ID(gkm, (gkm::volume_note))
CAF_ADD_TYPE_ID(gkm, (gkm::volume_record))
CAF_ADD_TYPE_ID(gkm, (gkm::volume_stats))
CAF_ADD_TYPE_ID(gkm, (gkm::cache_object))
CAF_ADD_TYPE_ID(gkm, (gkm::node_report))
CAF_ADD_TYPE_ID(gkm, (gkm::node_facts))
CAF_ADD_TYPE_ID(gkm, (gkm::report_summary))
CAF_ADD_TYPE_ID(gkm, (std::map<std::string, std::string>))

// An atom has room for ten characters.
CAF_ADD_ATOM(gkm, gkm, run_atom, "run")
CAF_ADD_ATOM(gkm, gkm, changed_atom, "changed")
CAF_ADD_ATOM(gkm, gkm, deleted_atom, "deleted")
CAF_ADD_ATOM(gkm, gkm, synced_atom, "synced")
CAF_ADD_ATOM(gkm, gkm, gpus_atom, "gpus")
CAF_ADD_ATOM(gkm, gkm, no_gpus_atom, "no_gpus")
CAF_ADD_ATOM(gkm, gkm, wanted_atom, "wanted")
CAF_ADD_ATOM(gkm, gkm, withdraw_atom, "withdraw")
CAF_ADD_ATOM(gkm, gkm, retry_atom, "retry")
CAF_ADD_ATOM(gkm, gkm, progress_atom, "progress")
CAF_ADD_ATOM(gkm, gkm, resolve_atom, "resolve")
CAF_ADD_ATOM(gkm, gkm, pull_atom, "pull")
CAF_ADD_ATOM(gkm, gkm, abandon_atom, "abandon")
CAF_ADD_ATOM(gkm, gkm, watchdog_atom, "watchdog")
CAF_ADD_ATOM(gkm, gkm, recover_atom, "recover")
CAF_ADD_ATOM(gkm, gkm, claim_atom, "claim")
CAF_ADD_ATOM(gkm, gkm, release_atom, "release")
CAF_ADD_ATOM(gkm, gkm, stage_atom, "stage")
CAF_ADD_ATOM(gkm, gkm, publish_atom, "publish")
CAF_ADD_ATOM(gkm, gkm, discard_atom, "discard")
CAF_ADD_ATOM(gkm, gkm, commit_atom, "commit")
CAF_ADD_ATOM(gkm, gkm, write_record_atom, "write_rec")
CAF_ADD_ATOM(gkm, gkm, forget_atom, "forget")
CAF_ADD_ATOM(gkm, gkm, collect_atom, "collect")
CAF_ADD_ATOM(gkm, gkm, match_atom, "match")
CAF_ADD_ATOM(gkm, gkm, report_atom, "report")
CAF_ADD_ATOM(gkm, gkm, retract_atom, "retract")
CAF_ADD_ATOM(gkm, gkm, flush_atom, "flush")
CAF_ADD_ATOM(gkm, gkm, unpublish_atom, "unpublish")
CAF_ADD_ATOM(gkm, gkm, stats_atom, "stats")
CAF_ADD_ATOM(gkm, gkm, ready_atom, "ready")
CAF_ADD_ATOM(gkm, gkm, check_nodes_atom, "chk_nodes")
CAF_ADD_ATOM(gkm, gkm, mounted_atom, "mounted")
CAF_ADD_ATOM(gkm, gkm, volumes_synced_atom, "vols_sync")
CAF_ADD_ATOM(gkm, gkm, unmounted_atom, "unmounted")
CAF_ADD_ATOM(gkm, gkm, pin_atom, "pin")
CAF_ADD_ATOM(gkm, gkm, unpin_atom, "unpin")
CAF_ADD_ATOM(gkm, gkm, node_atom, "node")
CAF_ADD_ATOM(gkm, gkm, node_gone_atom, "node_gone")
CAF_ADD_ATOM(gkm, gkm, ending_atom, "ending")
CAF_ADD_ATOM(gkm, gkm, lead_atom, "lead")
CAF_ADD_ATOM(gkm, gkm, act_atom, "act")
CAF_ADD_ATOM(gkm, gkm, login_failed_atom, "login_fail")
CAF_ADD_ATOM(gkm, gkm, origin_atom, "origin")
CAF_ADD_ATOM(gkm, gkm, report_seen_atom, "rep_seen")
CAF_ADD_ATOM(gkm, gkm, report_gone_atom, "rep_gone")
CAF_ADD_ATOM(gkm, gkm, reports_synced_atom, "reps_sync")
CAF_ADD_ATOM(gkm, gkm, api_restored_atom, "api_back")
CAF_ADD_ATOM(gkm, gkm, prove_atom, "prove")
CAF_ADD_ATOM(gkm, gkm, waits_atom, "waits")
CAF_ADD_ATOM(gkm, gkm, limit_atom, "limit")
CAF_ADD_ATOM(gkm, gkm, damaged_atom, "damaged")
CAF_END_TYPE_ID_BLOCK(gkm)

// Shared, and never sent out of the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<gkm::node_row>)

namespace gkm {

// One line per message, however long.
// clang-format off
/// Of the caches that are wanted here.
using cache_listener_actor = caf::typed_actor<
    handles<void, changed_atom, cache_spec>,        // a cache is wanted, or wanted differently
    handles<void, deleted_atom, cache_ref>,         // it is wanted no more
    handles<void, synced_atom>>;                    // all that is wanted has been said once

/// Of the volumes that are mounted here.
using volume_listener_actor = caf::typed_actor<
    handles<void, mounted_atom, mounted_volume>,    // a pod uses a cache, or now another digest of it
    handles<void, unmounted_atom, mounted_volume>,  // it does so no more
    handles<void, volumes_synced_atom>>;            // all that is mounted has been said once

/// Of the inventory.
using gpu_listener_actor = caf::typed_actor<
    handles<void, gpus_atom, std::vector<gpu>>,     // the inventory is now this
    handles<void, no_gpus_atom, std::string>>;      // it cannot be read, for that reason: it is as before

/// The set of caches on this node; one supervised child per cache.
using node_actor = caf::typed_actor<
    handles<void, retry_atom, cache_ref>,           // (own) a child that died may start again; no name: try all again
    handles<void, damaged_atom, digest>,            // it was damaged in the store, and is gone from there
    handles<void, run_atom, continuation>>
    ::extend_with<cache_listener_actor>::extend_with<volume_listener_actor>::extend_with<gpu_listener_actor>;

/// One cache: from a wanted image to a verified directory, a record and a status.
using cache_actor = caf::typed_actor<
    handles<void, wanted_atom, cache_spec>,                    // what is wanted now; the same again = try again
    handles<void, gpus_atom, std::vector<gpu>>,                // judge again: the GPUs changed
    handles<void, progress_atom, digest, uint64_t, uint64_t>,  // bytes so far, of how many
    handles<void, waits_atom, digest, bool>,                   // its transfer waits for others; false: it goes on
    handles<void, mounted_atom, mounted_volume>,               // a pod uses it, or now another digest of it
    handles<void, unmounted_atom, mounted_volume>,             // it does so no more
    handles<void, damaged_atom, digest>,                       // it was damaged in the store, and is gone from there
    handles<void, retry_atom, uint64_t>,                       // (own) the pause of this epoch is over
    handles<void, withdraw_atom>,                              // let go of everything, then exit
    handles<void, run_atom, continuation>>;

/// Transfers from registries, a few at a time, and small questions to them; tenants take turns.
using puller_actor = caf::typed_actor<
    handles<image_plan, resolve_atom, cache_spec, std::vector<gpu>>,       // what would be pulled for these GPUs
    handles<bool, prove_atom, image_plan, cache_ref>,                      // may it share what is stored? false: only a pull tells
    handles<void, origin_atom, digest, image_ref>,                         // a record says: this image's repository has that digest
    handles<stored_cache, pull_atom, image_plan, cache_ref, cache_actor>,  // have it in the store
    handles<void, abandon_atom, digest, cache_ref>,                        // this cache does not need it any more
    handles<void, abandon_atom, cache_ref>,                                // nor the answer to its question
    handles<void, progress_atom, uint64_t, uint64_t, uint64_t>,            // (own) from that transfer: bytes so far, of how many
    handles<void, watchdog_atom, uint64_t, uint64_t>,                      // (own) has that transfer moved since?
    handles<void, run_atom, continuation>>;

/// The store: digests, who claims them, and the catalog. The only writer of its directories.
using store_actor = caf::typed_actor<
    handles<recovered, recover_atom>,                                // sweep, then say what there is
    handles<stored_cache, claim_atom, digest, cache_ref>,            // keep it for me; not_found if it is not there, whole
    handles<void, release_atom, digest, cache_ref>,                  // I do not need it any more
    handles<void, release_atom, cache_ref>,                          // nor anything else
    handles<std::string, stage_atom, uint64_t>,                      // a fresh directory for so many bytes
    handles<stored_cache, commit_atom, std::string, stored_cache>,   // make it visible, whole
    handles<void, discard_atom, std::string>,                        // a staged directory is not needed
    handles<std::string, write_record_atom, catalog_record>,         // remember this; where the cache can be used
    handles<bool, forget_atom, cache_ref>,                           // forget it; true when it is gone
    handles<void, pin_atom, mounted_volume>,                         // keep its digest: a volume needs it
    handles<void, unpin_atom, mounted_volume>,                       // this volume does not need that digest any more
    handles<void, collect_atom>,                                     // from now on, drop what nobody claims or pins
    handles<void, caf::subscribe_atom, node_actor>,                  // tell it what is found damaged
    handles<void, run_atom, continuation>>;

/// The inventory.
using gpu_actor = caf::typed_actor<
    handles<match_result, match_atom, std::vector<target>>,  // who can use kernels for these?
    handles<void, caf::subscribe_atom, gpu_listener_actor>,  // tell me the GPUs, now and when they change
    handles<void, run_atom, continuation>>;

/// Who uses what: told by the records of gkm-csi.
using usage_actor = caf::typed_actor<
    handles<void, caf::subscribe_atom, volume_listener_actor>,  // tell it, all there is and each change
    handles<void, run_atom, continuation>>;

/// Every volume of this node: gives each request to the volume's own actor.
using volumes_actor = caf::typed_actor<
    handles<volume_record, publish_atom, publish_request>,          // have it mounted; what is mounted now
    handles<bool, unpublish_atom, std::string, std::string>,        // volume id, target: have it gone; true
    handles<volume_stats, stats_atom, std::string, std::string>,    // volume id, path: how full it is
    handles<bool, ready_atom>,                                      // true once what was left over is recovered
    handles<void, ending_atom>,                                     // this process ends: nobody waits for a cache any more
    handles<void, run_atom, continuation>>;

/// One volume: publish and unpublish, one after the other.
using mount_actor = caf::typed_actor<
    handles<volume_record, publish_atom, publish_request>,
    handles<bool, unpublish_atom, std::string>,       // target
    handles<volume_stats, stats_atom, std::string>,   // path
    handles<void, ending_atom>,                       // this process ends: it does not wait any more
    handles<void, changed_atom, uint64_t>,            // (own) the record of this wait may have changed
    handles<void, run_atom, continuation>>;

/// What people see: at most one write in flight and one a second per cache, the latest state wins.
using reporter_actor = caf::typed_actor<
    handles<void, report_atom, cache_status>,
    handles<void, retract_atom, cache_ref>,
    handles<void, flush_atom, cache_ref>,  // (own) the pause after a write is over
    handles<void, run_atom, continuation>>;

/// Every cache, node and report of the cluster; one supervised child per cache.
using caches_actor = caf::typed_actor<
    handles<void, changed_atom, cache_object>,             // a cache is like this
    handles<void, deleted_atom, cache_ref>,                 // it is gone from the API
    handles<void, report_atom, report_summary>,             // what a node says of one namespace's caches
    handles<void, retract_atom, std::string, std::string>,  // namespace, node: that report is gone
    handles<void, node_atom, node_facts>,                   // a node is like this
    handles<void, node_gone_atom, std::string>,             // that node is gone
    handles<void, ending_atom, std::string, bool>,     // this namespace is going; false: it is gone
    handles<void, synced_atom, bool>,                       // the view is whole; false: a watch broke
    handles<void, lead_atom, bool>,                         // this process leads, or does not any more
    handles<void, retry_atom, cache_ref>,                   // (own) a child that died may start again
    handles<void, check_nodes_atom>,                        // (own) some nodes may have been away for long
    handles<void, run_atom, continuation>>;

/// One cache of the cluster: what all nodes say of it becomes its status; it goes when none holds it.
using cache_object_actor = caf::typed_actor<
    handles<void, changed_atom, cache_object>,              // what the API has now
    handles<void, node_atom, std::vector<node_row>>,         // these nodes are this to it
    handles<void, limit_atom, std::string>,                  // it is not served, as that says; empty: it is
    handles<void, ending_atom, bool>,                   // its namespace is going
    handles<void, act_atom, bool>,                           // write what is due; false: write nothing
    handles<void, flush_atom, uint64_t>,                     // (own) the pause of this epoch is over
    handles<void, withdraw_atom>,                            // it is gone: exit
    handles<void, run_atom, continuation>>;

/// GKM's DaemonSets: as gkm-config wants them.
using rollouts_actor = caf::typed_actor<
    handles<void, changed_atom, std::map<std::string, std::string>>,  // gkm-config holds this now
    handles<void, act_atom, bool>,                                    // write what is due; false: write nothing
    handles<void, flush_atom, std::string>,                           // (own) that DaemonSet's pause is over
    handles<void, run_atom, continuation>>;

/// Copies of the pull secrets that caches name, sealed for the nodes that the caches are to be on.
using pull_secrets_actor = caf::typed_actor<
    handles<void, wanted_atom, cache_ref, std::vector<std::string>,
            std::map<std::string, std::string>>,                      // this cache names these, for nodes with these labels
    handles<void, withdraw_atom, cache_ref>,                          // it is gone
    handles<void, node_atom, std::string, std::map<std::string, std::string>,
            std::string>,                                             // a node, its labels, its key; no key: nothing for it
    handles<void, login_failed_atom, cache_ref>,                      // a node could not log in: copy again
    handles<void, act_atom, bool>,                                    // write what is due; false: write nothing
    handles<void, flush_atom, std::string>,                           // (own) that copy's pause is over
    handles<void, run_atom, continuation>>;

/// What the cluster sees of this node: its reports in the API. Takes the reporter's place there.
using node_reporter_actor = caf::typed_actor<
    handles<void, report_atom, cache_status>,
    handles<void, retract_atom, cache_ref>,
    handles<void, flush_atom, cache_ref>,                       // (own) the pause of that namespace's report is over
    handles<void, node_atom, std::string>,                      // the uid of our Node object
    handles<void, report_seen_atom, node_report>,               // the API has this report of ours
    handles<void, report_gone_atom, std::string, std::string>,  // namespace, uid: that report is gone
    handles<void, reports_synced_atom>,                         // all of our reports have been said
    handles<void, api_restored_atom>,                           // the API answers again
    handles<void, run_atom, continuation>>
    ::extend_with<cache_listener_actor>::extend_with<volume_listener_actor>::extend_with<gpu_listener_actor>;
// clang-format on

}  // namespace gkm
