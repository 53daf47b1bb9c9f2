// One greedy namespace on a node, and what others notice of it.
#include "csi_node.hpp"
#include "messages/relocation.hpp"
#include "tests/support/build_tree.hpp"

#include <atomic>
#include <latch>

namespace gkm::support {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class csi_tenants : public csi_node {
protected:
  void SetUp() override {
    csi_node::SetUp();
    if (!IsSkipped()) store_cache();
  }
  /// A volume for a pod of `ns` of a cache that never comes.
  pod_volume waiting_volume(const std::string& id, const std::string& ns) {
    auto v = volume(id, ns, "absent");
    v.attributes["csi.gkm.io/namespace"] = ns;
    v.attributes["csi.gkm.io/wait"] = "5m";
    return v;
  }
  uint64_t peak_bytes() const {
    auto status = read_whole("/proc/" + std::to_string(csi_->pid()) + "/status");
    auto at = status.find("VmHWM:");
    return at == std::string::npos ? 0 : std::stoull(status.substr(at + 6)) << 10;
  }
  void expect_serving() {
    ASSERT_TRUE(eventually("gkm-csi serves", [&] {
      return csi::probe(endpoint(), std::chrono::seconds(5)).has_value();
    })) << csi_->err();
  }
};

/// Publishes that are asked for at once, each on a connection of its own, which ends with its
/// answer, as kubelet does it.
class crowd {
public:
  explicit crowd(size_t n) : all_(n), ended_(static_cast<ptrdiff_t>(n)) {}
  ~crowd() {
    for (auto& o : all_)
      if (o) o->context.TryCancel();
    ended_.wait();
  }

  void ask(size_t i, const fs::path& endpoint, const pod_volume& v) {
    all_[i] = std::make_unique<one>();
    auto& o = *all_[i];
    o.stub = ::csi::v1::Node::NewStub(own_channel(endpoint));
    o.request = publish_request(v);
    o.context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2));
    o.context.set_wait_for_ready(true);
    o.stub->async()->NodePublishVolume(&o.context, &o.request, &o.response,
                                       [this, &o](const grpc::Status& s) {
                                         o.code = s.error_code();
                                         o.is_answered = true;
                                         ended_.count_down();
                                       });
  }
  /// How many were answered that they have no place. Hangs up for all that were answered.
  size_t refused() {
    for (auto& o : all_) {
      if (!o || !o->is_answered) continue;
      refused_ += o->code == grpc::StatusCode::UNAVAILABLE ? 1 : 0;
      o.reset();
    }
    return refused_;
  }

private:
  struct one {
    std::unique_ptr<::csi::v1::Node::Stub> stub;
    grpc::ClientContext context;
    ::csi::v1::NodePublishVolumeRequest request;
    ::csi::v1::NodePublishVolumeResponse response;
    std::atomic<grpc::StatusCode> code{grpc::StatusCode::OK};
    std::atomic<bool> is_answered = false;
  };
  std::vector<std::unique_ptr<one>> all_;
  size_t refused_ = 0;
  std::latch ended_;
};

}  // namespace

TEST_F(csi_tenants, a_crowd_that_waits_keeps_nobody_from_mounting_and_unmounting) {
  constexpr size_t many = 1'100;
  // As where the container runtime gives no more descriptors.
  csi_.emplace(child_process({{"/bin/sh", "-c",
                               "ulimit -n 1024; exec " + program("gkm-csi") + " --endpoint " +
                                   endpoint().string() + " --kubelet-root " + kubelet().string() +
                                   " --state-dir " + bench_.state().string() + " --node-id node-1"},
                              bench_.environment(),
                              bench_.output()}));
  expect_serving();
  crowd all(many);
  for (size_t i = 0; i < many; ++i)
    all.ask(i, endpoint(), waiting_volume("w" + std::to_string(i), "crowd"));
  EXPECT_TRUE(eventually("those without a place are answered",
                         [&] { return all.refused() >= many - 128; }));
  auto mine = volume("mine");
  auto published = publish(mine);
  EXPECT_TRUE(published.ok()) << published.error_message();
  auto gone = unpublish(mine);
  EXPECT_TRUE(gone.ok()) << gone.error_message();
  EXPECT_TRUE(csi::probe(endpoint(), std::chrono::seconds(10)));
}

TEST_F(csi_tenants, a_relocation_list_at_its_limit_takes_little_memory) {
  const fs::path stored = stored_content().parent_path();
  // Files and lists as large as they may be, seen at paths that are.
  std::string content(max_relocated_file_bytes, '\'');
  relocation_writer list;
  for (int i = 0;; ++i) {
    auto name = "index" + std::to_string(i);
    relocated_file file{name, content.size(), {}};
    for (uint64_t at = 0; at < max_file_literals; ++at)
      file.literals.push_back({2 * at, 2 * at + 2, std::string(64, 's')});
    if (!list.add(file)) break;
    write_whole(stored / paths::content / name, content);
  }
  ASSERT_GE(list.files(), 2U);
  write_whole(stored / paths::relocations, list.text());
  fs::remove(stored / paths::seal);  // of what was there before
  start_csi();
  auto before = peak_bytes();
  crowd all(2);
  std::vector<pod_volume> volumes;
  for (size_t i = 0; i < 2; ++i) {
    volumes.push_back(volume("v" + std::to_string(i)));
    auto parts = std::string();
    for (int part = 0; part < 8; ++part)
      parts += '/' + std::string(200, static_cast<char>('a' + i));
    volumes.back().attributes["csi.gkm.io/mountPath"] = parts;
    all.ask(i, endpoint(), volumes.back());
  }
  ASSERT_TRUE(eventually("both are mounted", [&] { return mounts() == 2; }));
  RecordProperty("peak_before_mib", static_cast<int>(before >> 20));
  RecordProperty("peak_mib", static_cast<int>(peak_bytes() >> 20));
  std::cout << "peak memory: " << (before >> 20) << " MiB idle, " << (peak_bytes() >> 20)
            << " MiB with both layers\n";
  constexpr uint64_t most = 96 << 20;
  EXPECT_LT(peak_bytes(), most);
  for (const auto& v : volumes) EXPECT_TRUE(unpublish(v).ok());
}

TEST_F(csi_tenants, what_pods_may_write_follows_the_clusters_settings) {
  const auto config = bench_.root() / "config";
  fs::create_directory(config);
  write_whole(config / "gkm.csi.scratch.volume.size", "1Gi\n");
  csi_.emplace(run_csi({"--config-dir", config}));
  expect_serving();
  auto v = volume("a");
  v.attributes["csi.gkm.io/scratchSize"] = "2Gi";
  auto refused = publish(v);
  EXPECT_EQ(refused.error_code(), code::FAILED_PRECONDITION);
  EXPECT_THAT(refused.error_message(), HasSubstr("gkm.csi.scratch.volume.size"));
  expect_nothing_left();
  write_whole(config / "gkm.csi.scratch.volume.size", "3Gi\n");
  EXPECT_TRUE(eventually("the setting is followed", [&] { return publish(v).ok(); }));
  EXPECT_TRUE(unpublish(v).ok());
}

}  // namespace gkm::support
