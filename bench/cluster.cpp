/// bench-cluster: GKM in a cluster, from `kubectl apply` to what people see, against a real API
/// server. Adds lines to the same file as bench-measure.
#include "cluster_cases.hpp"
#include "held_group.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>

namespace gkm::bench {
namespace {

struct options {
  std::string registry;
  std::string dir;
  std::string memory_dir;
  std::string out;
  std::map<std::string, std::string> layers;  ///< by image
  int tags = 0;
  int rounds = 7;
  int idle_s = 60;
  std::vector<std::string> only;

  bool wants(const std::string& group) const {
    return only.empty() || std::ranges::find(only, group) != only.end();
  }
  latency_case latency(const std::string& label, const std::string& image, bool peer) const {
    auto layer = layers.find(image);
    return {label, image, peer && layer != layers.end() ? layer->second : ""};
  }
};

void measure_in(const bench_context& in, const options& o, const std::string& prefix,
                const std::string& dir) {
  in.rig.start_agent(std::filesystem::path(dir) / "state");
  in.rig.apply({bench_ns, "resident"}, in.images.next(in.rig, "small"));
  in.rig.observer().when({bench_ns, "resident"}, cluster_observer::fact::ready);
  for (const auto* image : {"small", "medium", "big"})
    if (o.wants("latency")) measure_latency(in, o.latency(prefix + image, image, true));
  in.rig.remove({bench_ns, "resident"});
}

/// As in a container with these limits.
void measure_held(const bench_context& in, const options& o) {
  constexpr double cpus = 0.1;
  constexpr uint64_t memory_bytes = 128U << 20U;
  held_group group(cpus, memory_bytes);
  if (!group.problem().empty())
    std::fprintf(stderr, "bench: held to less: %s\n", group.problem().c_str());
  in.rig.start_agent(std::filesystem::path(o.dir) / "held", &group);
  for (const auto* image : {"medium", "big"})
    measure_latency(in, o.latency(std::string("cluster-held-") + image, image, false));
  in.rig.stop_agent();
}

void run(const options& o) {
  cluster_rig rig(o.dir, o.registry);
  fresh_images images(o.tags);
  audit_log audit(rig.audit_folder());
  samples out(o.out);
  bench_context in{rig, images, audit, out, o.rounds};
  measure_in(in, o, "cluster-", o.dir);
  if (o.wants("first")) measure_first(in, o.latency("cluster-first", "small", false));
  if (o.wants("admission")) measure_admission(in);
  if (o.wants("pods")) measure_pods(in);
  if (o.wants("idle")) measure_idle(in, std::chrono::seconds(o.idle_s));
  if (!o.memory_dir.empty()) measure_in(in, o, "cluster-memory-", o.memory_dir);
  if (o.wants("held")) measure_held(in, o);
}

}  // namespace
}  // namespace gkm::bench

int main(int argc, char** argv) {
  CLI::App app{"Measures GKM in a cluster; needs an API server (make apiserver) and a registry"};
  gkm::bench::options o;
  app.add_option("--registry", o.registry, "Has bench/{small,medium,big,idle}:r0 and so on")
      ->required();
  app.add_option("--tags", o.tags, "How many of each")->required();
  app.add_option("--dir", o.dir, "An empty directory to work in")->required();
  app.add_option("--memory-dir", o.memory_dir, "One in memory, to measure there, too");
  app.add_option("--out", o.out, "The file to add lines to")->required();
  app.add_option("--rounds", o.rounds, "How often")->capture_default_str();
  app.add_option("--idle", o.idle_s, "Seconds to be idle")->capture_default_str();
  app.add_option("--only", o.only, "latency, first, admission, pods, idle, held");
  std::vector<std::string> layers;
  app.add_option("--layer", layers, "IMAGE=URL of its layer, for curl beside it");
  app.footer("Example: bench-cluster --registry 127.0.0.1:5000 --tags 20 --dir /tmp/b --out t.tsv");
  CLI11_PARSE(app, argc, argv);
  for (const auto& l : layers) o.layers[l.substr(0, l.find('='))] = l.substr(l.find('=') + 1);
  try {
    gkm::bench::run(o);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench: %s\n", e.what());
    return 1;
  }
}
