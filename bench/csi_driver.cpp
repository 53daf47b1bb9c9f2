#include "csi_driver.hpp"

#include "base/files.hpp"
#include "figures.hpp"
#include "messages/record.hpp"
#include "tests/support/csi/csi_requests.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

namespace gkm::bench {
namespace fs = std::filesystem;
namespace {

constexpr int files = 100;
constexpr size_t file_bytes = 4'096;
const digest cache_digest{std::string(64, 'a')};

using clock = std::chrono::steady_clock;
double since(clock::time_point began) {
  return std::chrono::duration<double>(clock::now() - began).count();
}

void check(const grpc::Status& status, const char* call) {
  if (!status.ok()) die(std::string(call) + ": " + status.error_message());
}

void write(const fs::path& file, const std::string& text) {
  if (auto written = base::write_file_atomically(file, text); !written)
    die(written.error().message);
}

// What is in memory on a node is so here, and is taken away as a whole at the end.
void mount_memory(const fs::path& dir) {
  if (::mount("none", dir.c_str(), "tmpfs", 0, "mode=0755") != 0) die("this user may not mount");
}

}  // namespace

csi_driver::csi_driver(std::string program, fs::path root, paths where)
    : program_(std::move(program)), root_(std::move(root)), where_(std::move(where)) {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    die("this user may not mount");
  auto kubelet = root_ / "kubelet";
  fs::create_directories(kubelet);
  mount_memory(kubelet);
  fs::create_directory(kubelet / "plugins_registry");
}

csi_driver::csi_driver(std::string program, fs::path root)
    : csi_driver(std::move(program), root, paths::below(root / "state")) {
  where_.run = root_ / "run";
  fs::create_directories(where_.run);
  mount_memory(where_.run);
  for (int i = 0; i < files; ++i)
    write(content() / ("kernel-" + std::to_string(i)), std::string(file_bytes, 'k'));
  stored_cache facts{cache_digest, "triton", files, files * file_bytes, {}, {}, 0};
  write(where_.stored(cache_digest) / paths::meta, print_stored_cache(facts));
  fs::permissions(where_.root / "store", fs::perms::owner_all);
  make_ready("c");
}

csi_driver::~csi_driver() {
  stop();
  for (const auto& dir : {root_ / "kubelet", root_ / "run"}) ::umount2(dir.c_str(), MNT_DETACH);
}

fs::path csi_driver::content() const { return where_.stored(cache_digest) / paths::content; }

void csi_driver::make_ready(const std::string& name) const {
  catalog_record record;
  record.ref = {"default", name};
  record.image = "registry.example/cache:v1";
  record.resolved = cache_digest;
  record.manifest = cache_digest;
  record.state = cache_state::extracted;
  record.files = files;
  record.bytes = files * file_bytes;
  write(where_.record(record.ref), print_catalog_record(record));
}

double csi_driver::start() {
  auto began = clock::now();
  pid_ = ::fork();
  if (pid_ == 0) {
    auto socket = (root_ / "csi.sock").string();
    auto kubelet = (root_ / "kubelet").string();
    auto state = where_.root.string();
    auto run = where_.run.string();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execl(program_.c_str(), "gkm-csi", "--endpoint", socket.c_str(), "--kubelet-root",
            kubelet.c_str(), "--state-dir", state.c_str(), "--run-dir", run.c_str(), "--node-id",
            "bench", "--log-level", "error", nullptr);
    std::fprintf(stderr, "bench-csi: Cannot run '%s': %s\n", program_.c_str(),
                 std::strerror(errno));
    ::_exit(127);
  }
  while (!fs::exists(root_ / "csi.sock")) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) die("gkm-csi did not start");
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  connect();
  for (;;) {
    grpc::ClientContext context;
    csi::v1::ProbeResponse response;
    check(identity_->Probe(&context, {}, &response), "Probe");
    if (response.ready().value()) return since(began);
  }
}

void csi_driver::connect() {
  auto channel = support::own_channel(root_ / "csi.sock");
  node_ = csi::v1::Node::NewStub(channel);
  identity_ = csi::v1::Identity::NewStub(channel);
}

void csi_driver::stop() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string csi_driver::target(const std::string& volume) const {
  return root_ / "kubelet/pods" / volume / "volumes/kubernetes.io~csi/cache/mount";
}

csi::v1::NodePublishVolumeRequest csi_driver::publish_request(const std::string& volume,
                                                              const cache_ref& cache) const {
  auto attributes = support::pod_attributes(cache.ns, "pod-" + volume);
  attributes["csi.gkm.io/GKMCache"] = cache.name;
  attributes["csi.gkm.io/namespace"] = cache.ns;
  return support::publish_request({"csi-" + volume, target(volume), attributes});
}

double csi_driver::publish(const std::string& volume, const cache_ref& cache) const {
  auto request = publish_request(volume, cache);
  // As kubelet does: the directory above the target is there.
  fs::create_directories(fs::path(request.target_path()).parent_path());
  grpc::ClientContext context;
  csi::v1::NodePublishVolumeResponse ignored;
  auto began = clock::now();
  check(node_->NodePublishVolume(&context, request, &ignored), "NodePublishVolume");
  return since(began);
}

double csi_driver::unpublish(const std::string& volume) const {
  auto request = support::unpublish_request({"csi-" + volume, target(volume), {}});
  grpc::ClientContext context;
  csi::v1::NodeUnpublishVolumeResponse ignored;
  auto began = clock::now();
  check(node_->NodeUnpublishVolume(&context, request, &ignored), "NodeUnpublishVolume");
  return since(began);
}

double csi_driver::probe() const {
  grpc::ClientContext context;
  csi::v1::ProbeResponse ignored;
  auto began = clock::now();
  check(identity_->Probe(&context, {}, &ignored), "Probe");
  return since(began);
}

}  // namespace gkm::bench
