#include "actors/csi/services/node.hpp"

#include "actors/csi/arguments.hpp"
#include "actors/csi/services/call.hpp"
#include "actors/csi/services/capability.hpp"
#include "base/program/log.hpp"
#include "messages/printable.hpp"

#include <limits>

namespace gkm::csi {
namespace {

namespace log = base::log;
using std::chrono::seconds;

/// Longer than any wait for a cache and the mount after it.
constexpr seconds publish_limit{longest_wait_s + 60};
constexpr seconds unpublish_limit{120};
constexpr seconds stats_limit{30};
/// A wait ends so much before the client gives up, so that its pod reads why instead of a timeout.
constexpr seconds answer_margin{3};

result<publish_request> parse(const ::csi::v1::NodePublishVolumeRequest& request,
                              const std::string& kubelet_root, seconds client_patience) {
  auto read_only = wants_read_only(request);
  if (!read_only) return fail(read_only.error());
  const auto& context = request.volume_context();
  auto parsed = parse_publish(request.volume_id(), request.target_path(),
                              {context.begin(), context.end()}, *read_only, kubelet_root);
  if (!parsed) return parsed;
  auto longest = std::max(client_patience - answer_margin, seconds(0));
  parsed->wait_s = std::min(parsed->wait_s, static_cast<uint32_t>(longest.count()));
  return parsed;
}

result<void> check_stats(const ::csi::v1::NodeGetVolumeStatsRequest& request) {
  if (auto id = check_volume_id(request.volume_id()); !id) return id;
  const auto& path = request.volume_path();
  if (path.empty()) return fail(errc::invalid_argument, "volume_path is missing");
  if (path.size() > max_path_chars || !is_normal_path(path))
    return fail(errc::not_found, "No volume is mounted at '" + printable(path) + "'");
  return {};
}

/// For the log and the count of a call that ended, however it did.
struct call_outcome {
  call_observer observe;
  std::string_view step;
  std::string volume;
  std::string target;
  std::string cache{};  ///< of a publish
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();

  std::chrono::nanoseconds passed() const { return std::chrono::steady_clock::now() - began; }
  std::string milliseconds() const {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(passed()).count());
  }
  void succeeded() const {
    if (observe) observe(step, errc::none, passed());
    // The mount actor has told what was done.
    log::debug("Call done",
               {{"call", step}, {"volume", volume}, {"target", target}, {"ms", milliseconds()}});
  }
  void failed(const error& e) const {
    if (observe) observe(step, e.code, passed());
    log::warn("Call failed", {{"call", step},
                              {"volume", volume},
                              {"target", target},
                              {"cache", cache},
                              {"code", to_string(e.code)},
                              {"error", printable(e.message, 1'000)},
                              {"ms", milliseconds()}});
  }
};

/// What kubelet can be told: a negative size would mean something else.
int64_t as_size(uint64_t n) {
  constexpr auto most = std::numeric_limits<int64_t>::max();
  return n > uint64_t{most} ? most : static_cast<int64_t>(n);
}

void add_usage(::csi::v1::NodeGetVolumeStatsResponse& response, ::csi::v1::VolumeUsage::Unit unit,
               uint64_t total, uint64_t used, uint64_t available) {
  auto* usage = response.add_usage();
  usage->set_unit(unit);
  usage->set_total(as_size(total));
  usage->set_used(as_size(used));
  usage->set_available(as_size(available));
}

void fill(::csi::v1::NodeGetVolumeStatsResponse& response, const volume_stats& stats) {
  using ::csi::v1::VolumeUsage;
  add_usage(response, VolumeUsage::BYTES, stats.total_bytes, stats.used_bytes,
            stats.available_bytes);
  add_usage(response, VolumeUsage::INODES, stats.total_inodes, stats.used_inodes,
            stats.available_inodes);
  auto* condition = response.mutable_volume_condition();
  condition->set_abnormal(!stats.problem.empty());
  auto text = stats.problem.empty() ? std::string("The cache is mounted") : stats.problem;
  if (!stats.note.empty()) text += ". " + stats.note;
  condition->set_message(valid_utf8(text));
}

}  // namespace

grpc::ServerUnaryReactor* node_service::NodePublishVolume(
    grpc::CallbackServerContext* context, const ::csi::v1::NodePublishVolumeRequest* request,
    ::csi::v1::NodePublishVolumeResponse*) {
  auto one = call::begin(context_.calls);
  if (!one->is_open()) return one.get();
  call_outcome outcome{context_.observe, "publish", printable(request->volume_id()),
                       printable(request->target_path())};
  auto limit = patience(*context, publish_limit);
  auto checked = parse(*request, kubelet_root_, limit);
  if (!checked) {
    outcome.failed(checked.error());
    one->fail(checked.error());
    return one.get();
  }
  outcome.cache = checked->ref.str();
  ask_volumes<volume_record>(
      context_, limit,
      [=](const volume_record&) {
        outcome.succeeded();
        one->succeed([] {});
      },
      [=](const error& e) {
        outcome.failed(e);
        one->fail(e);
      },
      publish_atom_v, *checked);
  return one.get();
}

grpc::ServerUnaryReactor* node_service::NodeUnpublishVolume(
    grpc::CallbackServerContext* context, const ::csi::v1::NodeUnpublishVolumeRequest* request,
    ::csi::v1::NodeUnpublishVolumeResponse*) {
  auto one = call::begin(context_.calls);
  if (!one->is_open()) return one.get();
  call_outcome outcome{context_.observe, "unpublish", printable(request->volume_id()),
                       printable(request->target_path())};
  auto checked = check_volume_id(request->volume_id());
  if (checked) checked = check_target(request->target_path(), kubelet_root_);
  if (!checked) {
    outcome.failed(checked.error());
    one->fail(checked.error());
    return one.get();
  }
  ask_volumes<bool>(
      context_, patience(*context, unpublish_limit),
      [=](bool) {
        outcome.succeeded();
        one->succeed([] {});
      },
      [=](const error& e) {
        outcome.failed(e);
        one->fail(e);
      },
      unpublish_atom_v, request->volume_id(), request->target_path());
  return one.get();
}

grpc::ServerUnaryReactor* node_service::NodeGetVolumeStats(
    grpc::CallbackServerContext* context, const ::csi::v1::NodeGetVolumeStatsRequest* request,
    ::csi::v1::NodeGetVolumeStatsResponse* response) {
  auto one = call::begin(context_.calls);
  if (!one->is_open()) return one.get();
  if (auto checked = check_stats(*request); !checked) {
    one->fail(checked.error());
    return one.get();
  }
  ask_volumes<volume_stats>(
      context_, patience(*context, stats_limit),
      [=](const volume_stats& stats) { one->succeed([&] { fill(*response, stats); }); },
      [=](const error& e) { one->fail(e); }, stats_atom_v, request->volume_id(),
      request->volume_path());
  return one.get();
}

grpc::ServerUnaryReactor* node_service::NodeGetCapabilities(
    grpc::CallbackServerContext* context, const ::csi::v1::NodeGetCapabilitiesRequest*,
    ::csi::v1::NodeGetCapabilitiesResponse* response) {
  using capability = ::csi::v1::NodeServiceCapability::RPC;
  for (auto type : {capability::GET_VOLUME_STATS, capability::VOLUME_CONDITION})
    response->add_capabilities()->mutable_rpc()->set_type(type);
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* node_service::NodeGetInfo(grpc::CallbackServerContext* context,
                                                    const ::csi::v1::NodeGetInfoRequest*,
                                                    ::csi::v1::NodeGetInfoResponse* response) {
  response->set_node_id(node_id_);
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace gkm::csi
