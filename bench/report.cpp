/// bench-report: reads what bench-measure wrote and prints the table of medians, ratios, targets
/// and verdicts; writes the same as JSON. The targets live here, in one list.
#include "verdicts.hpp"

#include <CLI/CLI.hpp>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace gkm::bench {
namespace {

// A line that is not label and three numbers is a mistake of the script: better to stop than to
// print medians of less than was measured.
std::optional<samples> read_samples(const std::string& path) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  samples all;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line.substr(std::min(line.find('\t'), line.size())));
    sample s;
    if (!(fields >> s.wall_s >> s.cpu_s >> s.peak_kib)) return std::nullopt;
    all[line.substr(0, line.find('\t'))].push_back(s);
  }
  return all;
}

std::string shown(const row& r) {
  if (!r.value) return "-";
  if (r.unit == "s") return text("%.3f s", *r.value);
  if (r.unit == "ms") return text("%.2f ms", *r.value);
  if (r.unit == "%") return text("%.3f %%", *r.value);
  if (r.unit == "MB") return text("%.1f MB", *r.value);
  return text("%.0f", *r.value);
}

std::string verdict(const row& r) {
  if (!r.value) return "skipped";
  if (!r.met) return "";
  return *r.met ? "met" : "MISSED";
}

void print(const std::vector<row>& rows) {
  constexpr auto line = "%-44s %6s %11s %10s %11s  %s\n";
  std::printf(line, "case", "rounds", "median", "ratio", "target", "verdict");
  for (const auto& r : rows)
    std::printf(line, r.name.c_str(), std::to_string(r.rounds).c_str(), shown(r).c_str(),
                r.ratio.c_str(), r.target.c_str(), verdict(r).c_str());
}

bool write_json(const std::string& path, const std::vector<row>& rows, const samples& all) {
  rapidjson::StringBuffer out;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> json(out);
  auto text_field = [&json](const char* key, const std::string& value) {
    json.Key(key);
    json.String(value);
  };
  json.StartObject();
  json.Key("cases");
  json.StartArray();
  for (const auto& r : rows) {
    json.StartObject();
    text_field("case", r.name);
    json.Key("median");
    r.value ? json.Double(*r.value) : json.Null();
    text_field("unit", r.unit);
    text_field("ratio", r.ratio);
    text_field("target", r.target);
    text_field("verdict", verdict(r));
    json.EndObject();
  }
  json.EndArray();
  json.Key("samples");
  json.StartObject();
  for (const auto& [label, runs] : all) {
    json.Key(label);
    json.StartArray();
    for (const auto& s : runs) {
      json.StartObject();
      json.Key("wall_s");
      json.Double(s.wall_s);
      json.Key("cpu_s");
      json.Double(s.cpu_s);
      json.Key("peak_kib");
      json.Double(s.peak_kib);
      json.EndObject();
    }
    json.EndArray();
  }
  json.EndObject();
  json.EndObject();
  std::ofstream file(path);
  file << out.GetString() << '\n';
  file.close();
  return !file.fail();
}

void judge_csi(table& t) {
  constexpr bool brief = true;
  t.call("overlay: mount(2) alone", "csi-bare-mount", 0);
  t.call("overlay: umount(2) alone", "csi-bare-umount", 0);
  t.call("gkm-csi Probe, a bare call", "csi-probe", 0);
  t.call("gkm-csi publish, p50", "csi-publish", 0.0006, "csi-bare-mount");
  t.call("gkm-csi publish, p99", "csi-publish-p99", 0.005, "csi-bare-mount-p99");
  t.call("gkm-csi unpublish, p50", "csi-unpublish", 0.0006, "csi-bare-umount");
  t.call("gkm-csi unpublish, p99", "csi-unpublish-p99", 0.005, "csi-bare-umount-p99");
  t.ratio("gkm-csi publish, with 1,000 against none", "csi-publish-held", "csi-publish", 1.2,
          brief);
  t.ratio("gkm-csi unpublish, with 1,000 against none", "csi-unpublish-held", "csi-unpublish", 1.2,
          brief);
  t.call("gkm-csi, 50 published at once", "csi-parallel", 0.030);
  t.call("gkm-csi, from ready to a waiting answer", "csi-waiting", 0.020);
  t.call("gkm-csi, from start to ready", "csi-start", 0.050);
  t.memory("gkm-csi, after 200 publishes, memory", "csi-resident", 20);
  t.memory("gkm-csi, with 1,000 volumes, memory", "csi-resident-held", 0);
  t.count("gkm-csi, idle, context switches a second", "csi-idle", 10);
}

/// One place for GKM's own directory. The ratio is to `curl | tar` of the same layer.
void judge_latency(table& t, const std::string& where, const std::string& prefix) {
  struct one {
    const char* name;
    const char* label;
    double extracted_s;
  };
  constexpr double ready_s = 0.030;
  for (const auto& c :
       {one{"80 KB", "small", 0.025}, one{"36 MB", "medium", 0.090}, one{"200 MB", "big", 0.600}}) {
    auto label = prefix + c.label;
    t.call(where + ", " + c.name + ": apply to Extracted", label + "-extracted", c.extracted_s,
           label + "-curl");
    t.call(where + ", " + c.name + ": then to Ready", label + "-ready", ready_s);
  }
}

void judge_cluster(table& t) {
  judge_latency(t, "cluster, disk", "cluster-");
  judge_latency(t, "cluster, memory", "cluster-memory-");
  t.call("cluster, first of a namespace: to Extracted", "cluster-first-extracted", 0.025);
  t.call("cluster, mutating webhook", "cluster-webhook-admit", 0.006);
  t.call("cluster, validating webhook", "cluster-webhook-validating", 0.006);
  t.call("cluster, pod mounted to counted", "cluster-pod-counted", 0.150);
  t.call("agent held to 0.1 core, 128 MiB: 36 MB", "cluster-held-medium-extracted", 0.7);
  t.call("agent held to 0.1 core, 128 MiB: 200 MB", "cluster-held-big-extracted", 6);
  for (const auto* which : {"small", "medium", "big", "first"}) {
    auto label = std::string("cluster-") + which;
    t.count("agent's writes, " + std::string(which), label + "-agent-writes", 3);
    t.count("operator's writes, " + std::string(which), label + "-operator-writes", 4);
  }
  t.count("cluster idle, requests but watches, leases", "cluster-idle-requests", 1);
  t.memory("cluster idle, agent, memory", "cluster-idle-agent", 20);
  t.memory("cluster idle, operator, memory", "cluster-idle-operator", 20);
  t.core("cluster idle, agent, processor", "cluster-idle-agent", 0.1);
  t.core("cluster idle, operator, processor", "cluster-idle-operator", 0.1);
}

std::vector<row> judge(const samples& all) {
  table t(all);
  t.wall("200 MB  curl | tar xz", "big-curl");
  t.wall("200 MB  skopeo copy + umoci unpack", "big-umoci");
  t.ratio("200 MB  gkm pull, against curl | tar", "big-gkm", "big-curl", 0.45);
  t.ratio("200 MB  gkm pull, against skopeo + umoci", "big-gkm", "big-umoci", 0.20);
  t.wall("80 KB   curl | tar xz", "small-curl");
  t.difference("80 KB   gkm pull, against curl | tar", "small-gkm", "small-curl", 0.010);
  t.memory("200 MB  gkm pull, peak memory", "big-gkm", 48);
  t.memory("2 GB    gkm pull, peak memory", "huge-gkm", 48);
  t.memory("gkm up, idle with 10 caches, memory", "idle", 20);
  t.count("gkm up, idle with 10 caches, wake-ups in 60 s", "idle", 0);
  judge_csi(t);
  judge_cluster(t);
  return t.rows();
}

}  // namespace
}  // namespace gkm::bench

using namespace gkm::bench;

int main(int argc, char** argv) {
  CLI::App app{"Prints medians, ratios and verdicts of a benchmark run"};
  std::string in;
  std::string json;
  app.add_option("SAMPLES", in, "What bench-measure wrote")->required();
  app.add_option("--json", json, "Where to write the figures as JSON");
  CLI11_PARSE(app, argc, argv);
  auto all = read_samples(in);
  if (!all) {
    std::fprintf(stderr, "bench-report: Cannot read '%s': missing, or a line is broken\n",
                 in.c_str());
    return 1;
  }
  const auto rows = judge(*all);
  print(rows);
  if (!json.empty() && !write_json(json, rows, *all)) {
    std::fprintf(stderr, "bench-report: Cannot write '%s'\n", json.c_str());
    return 1;
  }
  return std::ranges::any_of(rows, [](const row& r) { return r.met == false; }) ? 3 : 0;
}
