/// A node with the real gkm-csi on it, asked as kubelet asks: by gRPC over its socket. Everything
/// is mounted in a namespace of the test's own.
#pragma once

#include "actors/csi/services/server.hpp"
#include "messages/paths.hpp"
#include "messages/record.hpp"
#include "messages/volume.hpp"
#include "tests/support/build_tree.hpp"
#include "tests/support/csi/csi_requests.hpp"
#include "tests/support/private_mounts.hpp"
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pluginregistration.grpc.pb.h>

#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

namespace gkm::support {

class csi_node : public testing::Test {
protected:
  using code = grpc::StatusCode;
  static constexpr std::chrono::seconds patience{60};

  void SetUp() override {
    if (!have_private_mounts()) GTEST_SKIP() << "this user may not mount";
    std::filesystem::create_directories(kubelet());
    // Taken away as a whole at the end: nothing is deleted through a mount that was left.
    ASSERT_EQ(::mount("none", kubelet().c_str(), "tmpfs", 0, "mode=0755"), 0);
    std::filesystem::create_directory(kubelet() / "plugins_registry");
  }
  void TearDown() override {
    csi_.reset();
    ::umount2(kubelet().c_str(), MNT_DETACH);
  }

  std::filesystem::path kubelet() const { return bench_.root() / "kubelet"; }
  std::filesystem::path endpoint() const { return bench_.root() / "csi.sock"; }
  paths where() const { return paths::below(bench_.state()); }

  child_process run_csi(std::vector<std::string> flags = {}) {
    std::vector<std::string> command{
        program("gkm-csi"), "--endpoint", endpoint(), "--kubelet-root", kubelet(), "--state-dir",
        bench_.state(),     "--node-id",  "node-1",   "--log-level",    "debug"};
    command.insert(command.end(), flags.begin(), flags.end());
    return child_process({std::move(command), bench_.environment(), bench_.output()});
  }
  /// Serves from its return on.
  void start_csi() {
    csi_.emplace(run_csi());
    bool ready = eventually("gkm-csi serves", [&] {
      return !csi_->is_running() || csi::probe(endpoint(), std::chrono::seconds(5));
    });
    if (!ready || !csi_->is_running()) ADD_FAILURE() << csi_->err();
    channel_.reset();
  }
  void kill_csi() {
    csi_->send_signal(SIGKILL);
    csi_->wait();
  }

  std::unique_ptr<::csi::v1::Node::Stub> node() {
    if (!channel_) channel_ = own_channel(endpoint());
    return ::csi::v1::Node::NewStub(channel_);
  }

  /// A volume of default/c for a pod of `ns`.
  pod_volume volume(const std::string& id, const std::string& ns = "default",
                    const std::string& cache = "c") const {
    auto pod = kubelet() / "pods" / id;
    auto attributes = pod_attributes(ns, "pod-" + id);
    attributes["csi.gkm.io/GKMCache"] = cache;
    attributes["csi.gkm.io/namespace"] = "default";
    return {"csi-" + id, pod / "volumes/kubernetes.io~csi/cache/mount", attributes};
  }
  grpc::Status publish(const pod_volume& v, std::chrono::milliseconds limit = patience) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limit);
    ::csi::v1::NodePublishVolumeResponse ignored;
    return node()->NodePublishVolume(&context, publish_request(v), &ignored);
  }
  grpc::Status unpublish(const pod_volume& v) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + patience);
    ::csi::v1::NodeUnpublishVolumeResponse ignored;
    return node()->NodeUnpublishVolume(&context, unpublish_request(v), &ignored);
  }
  grpc::Status stats(const pod_volume& v, ::csi::v1::NodeGetVolumeStatsResponse& seen) {
    ::csi::v1::NodeGetVolumeStatsRequest r;
    r.set_volume_id(v.id);
    r.set_volume_path(v.target);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + patience);
    return node()->NodeGetVolumeStats(&context, r, &seen);
  }

  /// default/c in the store and the catalog, as an agent leaves it that is not there any more.
  void store_cache() {
    write_layout(bench_.root() / "layout", "v1", cache_image().layer(kernel_layer().finished()));
    bench_.want("c", "oci:" + (bench_.root() / "layout").string() + ":v1");
    auto up = bench_.up({"--once"});
    ASSERT_EQ(up.wait(), 0) << up.err();
  }
  std::filesystem::path stored_content() const {
    auto digests = bench_.stored();
    return digests.size() == 1 ? where().store() / digests.front() / "content"
                               : std::filesystem::path("/nonexistent");
  }

  std::vector<std::string> names_in(const std::filesystem::path& dir) const {
    std::vector<std::string> names;
    std::error_code failed;
    for (std::filesystem::directory_iterator it(dir, failed), end; !failed && it != end; ++it)
      names.push_back(it->path().filename());
    return names;
  }
  size_t mounts() const {
    std::ifstream table("/proc/self/mountinfo");
    size_t n = 0;
    for (std::string line; std::getline(table, line);)
      n += line.find(kubelet().string() + "/pods") != std::string::npos ? 1 : 0;
    return n;
  }
  /// Nothing of any volume: no mount, no record, no scratch but what is on its way out.
  void expect_nothing_left() {
    EXPECT_EQ(mounts(), 0U);
    EXPECT_THAT(names_in(where().volumes()), testing::IsEmpty());
    eventually("no scratch is left", [&] { return names_in(where().scratches()).empty(); });
  }

  workbench bench_;
  std::optional<child_process> csi_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace gkm::support
