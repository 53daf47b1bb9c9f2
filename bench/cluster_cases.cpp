#include "cluster_cases.hpp"

#include "csi_driver.hpp"
#include "tests/support/build_tree.hpp"
#include "tests/support/kube/kube_identities.hpp"

#include <sstream>
#include <thread>

namespace gkm::bench {
namespace fs = std::filesystem;
namespace {

using clock = cluster_observer::clock;
using fact = cluster_observer::fact;
constexpr std::chrono::milliseconds rest{1'500};
constexpr std::chrono::milliseconds settling{400};  // of events, which nobody waits for

double between(clock::time_point from, clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

void add_requests(samples& out, const std::string& label, const request_counts& asked) {
  out.add(label + "-agent-writes", asked.agent_writes);
  out.add(label + "-operator-writes", asked.operator_writes);
  out.add(label + "-events", asked.events);
}

struct moments {
  clock::time_point returned;
  clock::time_point extracted;
  clock::time_point ready;
};

moments apply_and_wait(const bench_context& in, const cache_ref& cache, const std::string& image) {
  auto& told = in.rig.observer();
  moments m;
  m.returned = in.rig.apply(cache, image);
  m.extracted = told.when(cache, fact::extracted);
  m.ready = told.when(cache, fact::ready);
  return m;
}

void add_moments(samples& out, cluster_observer& told, const std::string& label,
                 const cache_ref& cache, const moments& m) {
  auto applied = told.when(cache, fact::applied);
  auto resolved = told.when(cache, fact::resolved);
  out.add(label + "-extracted", between(m.returned, m.extracted));
  out.add(label + "-ready", between(m.extracted, m.ready));
  out.add(label + "-resolved", between(applied, resolved));
  out.add(label + "-pulled", between(resolved, m.extracted));
}

void by_curl(const bench_context& in, const latency_case& what, int round) {
  if (what.layer.empty()) return;
  auto into = in.rig.state().parent_path() / ("peer-" + what.label + std::to_string(round));
  fs::create_directories(into);
  auto began = clock::now();
  run_quietly(
      {"/bin/bash", "-c", R"(set -o pipefail; curl -sf "$0" | tar xz -C "$1")", what.layer, into});
  in.out.add(what.label + "-curl", between(began, clock::now()));
  fs::remove_all(into);
}

void one_round(const bench_context& in, const latency_case& what, const cache_ref& cache,
               bool measured) {
  std::this_thread::sleep_for(rest);
  in.audit.take_new();
  auto m = apply_and_wait(in, cache, in.images.next(in.rig, what.image));
  std::this_thread::sleep_for(settling);
  auto asked = in.audit.take_new();
  if (!measured) return;
  add_moments(in.out, in.rig.observer(), what.label, cache, m);
  add_requests(in.out, what.label, asked);
}

/// Sum and number of calls of one kind of webhook, as the API server counts them.
std::pair<double, double> webhook_calls(const std::string& metrics, const std::string& kind) {
  std::pair<double, double> all{0, 0};
  std::istringstream lines(metrics);
  for (std::string line; std::getline(lines, line);) {
    bool ours = line.starts_with("apiserver_admission_webhook_admission_duration_seconds") &&
                line.find("caches.gkm.io") != std::string::npos &&
                line.find("type=\"" + kind + "\"") != std::string::npos;
    if (!ours) continue;
    auto value = std::stod(line.substr(line.rfind(' ')));
    if (line.find("_sum{") != std::string::npos) all.first += value;
    if (line.find("_count{") != std::string::npos) all.second += value;
  }
  return all;
}

void add_process(samples& out, const std::string& label, pid_t pid, double cpu_s, double length_s) {
  constexpr double percent = 100;
  out.add(label, cpu_s / length_s * percent, resident_kib(pid), cpu_s);
}

}  // namespace

std::string fresh_images::next(const cluster_rig& rig, const std::string& name) {
  auto tag = used_[name]++;
  if (tag >= tags_) die("The registry has too few images '" + name + "'");
  return rig.image(name, tag);
}

void measure_latency(const bench_context& in, const latency_case& what) {
  for (int round = 0; round <= in.rounds; ++round) {
    cache_ref cache{bench_ns, what.label + "-" + std::to_string(round)};
    one_round(in, what, cache, round > 0);
    in.rig.remove(cache);
    if (round > 0) by_curl(in, what, round);
  }
}

void measure_first(const bench_context& in, const latency_case& what) {
  for (int round = 1; round <= in.rounds; ++round) {
    auto ns = what.label + "-" + std::to_string(round);
    support::make_namespace(in.rig.server(), ns);
    one_round(in, what, {ns, "first"}, true);
    in.rig.remove({ns, "first"});
  }
}

void measure_admission(const bench_context& in) {
  const auto& admin = in.rig.server().admin();
  auto metrics = [&] { return admin.run({"get", "--raw=/metrics"}); };
  for (int round = 0; round <= in.rounds; ++round) {
    auto before = metrics();
    cache_ref cache{bench_ns, "admission-" + std::to_string(round)};
    apply_and_wait(in, cache, in.images.next(in.rig, "small"));
    auto after = metrics();
    in.rig.remove(cache);
    for (const auto* kind : {"admit", "validating"}) {
      auto [sum_before, calls_before] = webhook_calls(before, kind);
      auto [sum_after, calls_after] = webhook_calls(after, kind);
      if (round > 0 && calls_after > calls_before)
        in.out.add(std::string("cluster-webhook-") + kind,
                   (sum_after - sum_before) / (calls_after - calls_before));
    }
  }
}

void measure_pods(const bench_context& in) {
  auto& told = in.rig.observer();
  csi_driver driver(support::program("gkm-csi"), in.rig.state().parent_path() / "csi",
                    paths::below(in.rig.state()));
  driver.start();
  for (int round = 0; round <= in.rounds; ++round) {
    auto name = "pods-" + std::to_string(round);
    cache_ref cache{bench_ns, name};
    apply_and_wait(in, cache, in.images.next(in.rig, "small"));
    std::this_thread::sleep_for(rest);
    told.forget(cache);
    driver.publish(name, cache);
    auto mounted = clock::now();
    auto counted = told.when(cache, fact::counted);
    std::this_thread::sleep_for(rest);
    told.forget(cache);
    driver.unpublish(name);
    auto unmounted = clock::now();
    auto uncounted = told.when(cache, fact::uncounted);
    if (round > 0) in.out.add("cluster-pod-counted", between(mounted, counted));
    if (round > 0) in.out.add("cluster-pod-uncounted", between(unmounted, uncounted));
    in.rig.remove(cache);
  }
}

void measure_idle(const bench_context& in, std::chrono::seconds length) {
  constexpr int caches = 10;
  // Events that are told as a series are told a minute later.
  constexpr std::chrono::seconds calming{65};
  std::vector<cache_ref> all;
  for (int i = 0; i < caches; ++i) {
    all.push_back({bench_ns, "idle-" + std::to_string(i)});
    in.rig.apply(all.back(), in.images.next(in.rig, "idle"));
  }
  for (const auto& cache : all) in.rig.observer().when(cache, fact::ready);
  std::this_thread::sleep_for(calming);
  in.audit.take_new();
  auto agent = cpu_seconds(in.rig.agent_pid());
  auto leader = cpu_seconds(in.rig.operator_pid());
  std::this_thread::sleep_for(length);
  auto length_s = static_cast<double>(length.count());
  add_process(in.out, "cluster-idle-agent", in.rig.agent_pid(),
              cpu_seconds(in.rig.agent_pid()) - agent, length_s);
  add_process(in.out, "cluster-idle-operator", in.rig.operator_pid(),
              cpu_seconds(in.rig.operator_pid()) - leader, length_s);
  auto asked = in.audit.take_new();
  in.out.add("cluster-idle-requests",
             asked.agent_writes + asked.operator_writes + asked.events + asked.others);
  in.out.add("cluster-idle-leases", asked.leases);
  for (const auto& cache : all) in.rig.remove(cache);
}

}  // namespace gkm::bench
