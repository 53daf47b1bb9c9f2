/// gRPC clients in front of a volumes actor that answers as a test says.
#pragma once

#include "actors/csi/services/server.hpp"
#include "tests/support/temp_dir.hpp"

#include <csi.grpc.pb.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <pluginregistration.grpc.pb.h>

#include <atomic>

namespace gkm::csi {

/// What the actor does with each request.
struct script {
  std::function<result<volume_record>(const publish_request&)> publish = [](const auto&) {
    return volume_record{};
  };
  std::function<result<bool>()> unpublish = [] { return true; };
  result<volume_stats> stats = volume_stats{};
  result<bool> ready = true;
  std::atomic<bool> hold = false;  ///< publishes are kept, not answered
  std::atomic<int> held = 0;
};

class scripted_volumes {
public:
  using handle = volumes_actor;
  static constexpr const char* name = "scripted-volumes";

  scripted_volumes(volumes_actor::pointer self, script& plan) : self_(self), plan_(plan) {}
  ~scripted_volumes() {
    for (auto& p : kept_) p.deliver(to_caf({errc::cancelled, "ending", {}}));
  }

  volumes_actor::behavior_type make_behavior() {
    return {
        [this](publish_atom, const publish_request& r) -> caf::result<volume_record> {
          auto reply = self_->make_response_promise<volume_record>();
          if (plan_.hold) {
            kept_.push_back(reply);
            ++plan_.held;
          } else {
            settle(reply, plan_.publish(r));
          }
          return reply;
        },
        [this](unpublish_atom, const std::string&, const std::string&) {
          return promise(plan_.unpublish());
        },
        [this](stats_atom, const std::string&, const std::string&) { return promise(plan_.stats); },
        [this](ready_atom) { return promise(plan_.ready); },
        [](ending_atom) {},
        [](run_atom, const continuation& c) { c.run(); },
    };
  }

private:
  template <class T>
  caf::result<T> promise(const result<T>& outcome) {
    auto reply = self_->make_response_promise<T>();
    settle(reply, outcome);
    return reply;
  }

  volumes_actor::pointer self_;
  script& plan_;
  std::vector<caf::typed_response_promise<volume_record>> kept_;
};

class served : public testing::Test {
protected:
  served() {
    configure(config_, 2);
    system_ = std::make_unique<caf::actor_system>(config_);
    volumes_ = gkm::spawn<scripted_volumes>(*system_, script_);
    std::filesystem::create_directory(dir_ / "reg");
    start();
  }
  ~served() override {
    if (server_) server_->stop(std::chrono::seconds(0));
    server_.reset();
    caf::anon_send_exit(volumes_, caf::exit_reason::user_shutdown);
    volumes_ = nullptr;
  }

  void start() {
    auto started = server::start(*system_, volumes_, plan());
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  server_plan plan() const {
    return {endpoint(), dir_ / "reg" / "csi.gkm.io-reg.sock", dir_.path().string(), "node-1"};
  }
  std::filesystem::path endpoint() const { return dir_ / "csi.sock"; }

  static std::shared_ptr<grpc::Channel> channel(const std::filesystem::path& socket) {
    grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("unix:" + socket.string(), grpc::InsecureChannelCredentials(),
                                     own);
  }
  std::unique_ptr<::csi::v1::Node::Stub> node() const {
    return ::csi::v1::Node::NewStub(channel(endpoint()));
  }
  std::unique_ptr<::csi::v1::Identity::Stub> identity() const {
    return ::csi::v1::Identity::NewStub(channel(endpoint()));
  }

  /// As kubelet would publish "default/cache" for a pod.
  ::csi::v1::NodePublishVolumeRequest publish_request_for(const std::string& volume) const {
    ::csi::v1::NodePublishVolumeRequest r;
    r.set_volume_id(volume);
    r.set_target_path((dir_ / "pods/1/mount").string());
    r.mutable_volume_capability()->mutable_mount();
    r.mutable_volume_capability()->mutable_access_mode()->set_mode(
        ::csi::v1::VolumeCapability::AccessMode::SINGLE_NODE_WRITER);
    auto& context = *r.mutable_volume_context();
    context["csi.gkm.io/GKMCache"] = "cache";
    context["csi.gkm.io/namespace"] = "default";
    context["csi.storage.k8s.io/ephemeral"] = "true";
    context["csi.storage.k8s.io/pod.name"] = "pod";
    context["csi.storage.k8s.io/pod.namespace"] = "default";
    context["csi.storage.k8s.io/pod.uid"] = "0d9c7f6e-1c1b-4d5b-9f43-1f2f3a4b5c6d";
    return r;
  }
  grpc::Status publish(const ::csi::v1::NodePublishVolumeRequest& r,
                       std::chrono::milliseconds limit = std::chrono::seconds(30)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limit);
    ::csi::v1::NodePublishVolumeResponse ignored;
    return node()->NodePublishVolume(&context, r, &ignored);
  }

  /// What a call that was cut off ends with: kubelet tries again, whichever it is.
  static bool comes_back(const grpc::Status& s) {
    return s.error_code() == grpc::StatusCode::UNAVAILABLE ||
           s.error_code() == grpc::StatusCode::CANCELLED;
  }

  support::temp_dir dir_;
  script script_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  volumes_actor volumes_;
  std::unique_ptr<server> server_;
};

}  // namespace gkm::csi
