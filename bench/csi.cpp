/// bench-csi: what gkm-csi costs, and the bare system calls beside it as the floor. Adds lines to
/// the same file as bench-measure, with a call's time where a command's would be.
#include "csi_driver.hpp"
#include "figures.hpp"

#include <CLI/CLI.hpp>
#include <sys/mount.h>

#include <chrono>
#include <cstdio>
#include <latch>
#include <thread>
#include <vector>

namespace gkm::bench {
namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr int calls = 200;
constexpr int held = 1'000;
constexpr int parallel = 50;
constexpr int starts = 5;

/// One after the other: each volume goes before the next comes.
void one_by_one(csi_driver& driver, samples& out, const std::string& suffix) {
  std::vector<double> published;
  std::vector<double> unpublished;
  for (int i = 0; i < calls; ++i) {
    published.push_back(driver.publish("one"));
    unpublished.push_back(driver.unpublish("one"));
  }
  out.add_calls("csi-publish" + suffix, published);
  out.add_calls("csi-unpublish" + suffix, unpublished);
}

void all_at_once(csi_driver& driver, samples& out) {
  struct one {
    csi::v1::NodePublishVolumeRequest request;
    csi::v1::NodePublishVolumeResponse response;
    grpc::ClientContext context;
  };
  std::vector<one> all(parallel);
  for (int i = 0; i < parallel; ++i) {
    all[i].request = driver.publish_request("p" + std::to_string(i), {"default", "c"});
    fs::create_directories(fs::path(all[i].request.target_path()).parent_path());
  }
  std::latch answered(parallel);
  auto began = clock::now();
  for (auto& o : all)
    driver.node().async()->NodePublishVolume(&o.context, &o.request, &o.response,
                                             [&](const grpc::Status& s) {
                                               if (!s.ok()) die(s.error_message());
                                               answered.count_down();
                                             });
  answered.wait();
  out.add("csi-parallel", std::chrono::duration<double>(clock::now() - began).count());
  for (int i = 0; i < parallel; ++i) driver.unpublish("p" + std::to_string(i));
}

/// From the cache's becoming ready to the answer of a publish that waits for it.
void waiting(csi_driver& driver, samples& out, int round) {
  auto name = "later-" + std::to_string(round);
  auto request = driver.publish_request(name, {"default", name});
  csi::v1::NodePublishVolumeResponse response;
  grpc::ClientContext context;
  std::latch answered(1);
  clock::time_point ended;
  driver.node().async()->NodePublishVolume(&context, &request, &response,
                                           [&](const grpc::Status& s) {
                                             if (!s.ok()) die(s.error_message());
                                             ended = clock::now();
                                             answered.count_down();
                                           });
  // Long enough that it waits, whatever else goes on.
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  auto began = clock::now();
  driver.make_ready(name);
  answered.wait();
  out.add("csi-waiting", std::chrono::duration<double>(ended - began).count());
  driver.unpublish(name);
}

/// The same overlay by two system calls, and away again.
void bare_mounts(const csi_driver& driver, samples& out) {
  auto dir = driver.root() / "kubelet/bare";
  auto scratch = driver.root() / "bare";
  for (const auto& d : {dir, scratch / "upper", scratch / "work"}) fs::create_directories(d);
  auto options = "lowerdir=" + driver.content().string() +
                 ",upperdir=" + (scratch / "upper").string() +
                 ",workdir=" + (scratch / "work").string() + ",volatile";
  std::vector<double> mounted;
  std::vector<double> unmounted;
  for (int i = 0; i < calls; ++i) {
    auto began = clock::now();
    if (::mount("overlay", dir.c_str(), "overlay", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
      die("Cannot mount an overlay for comparison");
    auto between = clock::now();
    if (::umount2(dir.c_str(), 0) != 0) die("Cannot unmount");
    auto ended = clock::now();
    mounted.push_back(std::chrono::duration<double>(between - began).count());
    unmounted.push_back(std::chrono::duration<double>(ended - between).count());
    // A volatile upper is not mounted twice.
    fs::remove_all(scratch / "work");
    fs::create_directory(scratch / "work");
  }
  out.add_calls("csi-bare-mount", mounted);
  out.add_calls("csi-bare-umount", unmounted);
}

void round_of(csi_driver& driver, samples& out, int round) {
  std::vector<double> probes;
  for (int i = 0; i < calls; ++i) probes.push_back(driver.probe());
  out.add_calls("csi-probe", probes);
  bare_mounts(driver, out);
  one_by_one(driver, out, "");
  out.add("csi-resident", 0, resident_kib(driver.pid()));
  all_at_once(driver, out);
  waiting(driver, out, round);
}

void with_many(csi_driver& driver, samples& out, int rounds) {
  for (int i = 0; i < held; ++i) driver.publish("held-" + std::to_string(i));
  for (int round = 0; round < rounds; ++round) {
    bare_mounts(driver, out);
    one_by_one(driver, out, "-held");
  }
  out.add("csi-resident-held", 0, resident_kib(driver.pid()));
  for (int i = 0; i < held; ++i) driver.unpublish("held-" + std::to_string(i));
}

void idle(const csi_driver& driver, samples& out, std::chrono::seconds length) {
  constexpr std::chrono::seconds settling{5};
  std::this_thread::sleep_for(settling);
  auto before = switches(driver.pid());
  std::this_thread::sleep_for(length);
  out.add("csi-idle", static_cast<double>(switches(driver.pid()) - before) /
                          static_cast<double>(length.count()));
}

void run(const std::string& program, const std::string& dir, const std::string& file, int rounds,
         int idle_s) {
  csi_driver driver(program, dir);
  samples out(file);
  for (int i = 0; i < starts; ++i) {
    out.add("csi-start", driver.start());
    driver.stop();
  }
  driver.start();
  for (int i = 0; i < calls; ++i) {
    driver.publish("warm");
    driver.unpublish("warm");
  }
  for (int round = 0; round < rounds; ++round) round_of(driver, out, round);
  idle(driver, out, std::chrono::seconds(idle_s));
  with_many(driver, out, rounds);
}

}  // namespace
}  // namespace gkm::bench

int main(int argc, char** argv) {
  CLI::App app{"Measures gkm-csi with a client on its socket; needs to be allowed to mount"};
  std::string program = "gkm-csi";
  std::string dir;
  std::string out;
  int rounds = 7;
  int idle_s = 20;
  app.add_option("--gkm-csi", program, "The program")->required();
  app.add_option("--dir", dir, "An empty directory to work in")->required();
  app.add_option("--out", out, "The file to add lines to")->required();
  app.add_option("--rounds", rounds, "How often")->capture_default_str();
  app.add_option("--idle", idle_s, "Seconds to be idle")->capture_default_str();
  app.footer("Example: bench-csi --gkm-csi build/release/bin/gkm-csi --dir /tmp/b --out times.tsv");
  CLI11_PARSE(app, argc, argv);
  try {
    gkm::bench::run(program, dir, out, rounds, idle_s);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench: %s\n", e.what());
    return 1;
  }
}
