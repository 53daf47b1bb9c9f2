// Small texts that other programs and administrators leave: gkm-config, metrics, secrets, base64.
#include "actors/agent/foreign_metrics.hpp"
#include "actors/operator/config_values.hpp"
#include "actors/operator/resolver/pull_credentials.hpp"
#include "base/base64.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

namespace gkm::fuzz {
namespace {

// key=value, a line each.
void read_settings(std::string_view input) {
  op::config_data data;
  for (auto line : lines(input)) {
    auto equals = std::min(line.find('='), line.size());
    data.emplace(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
  }
  const auto values = op::read_config(data);
  for (const auto& image : {values.agent_image, values.csi_image})
    require(image.empty() || image_ref::parse(image).has_value(), "an image that is none");
  for (const auto& p : values.problems)
    require(!p.why.empty() && p.value.size() <= 200, "a problem that cannot be shown");
}

void read_metrics(std::string_view input) {
  work_meter work;
  const auto sound = node::sound_metrics(input, "gkm_csi_");
  work.require_at_most(64 << 10, 128, input.size(), "metrics");
  require(sound.size() <= input.size() + 1, "metrics grew");
  require(node::sound_metrics(sound, "gkm_csi_") == sound, "sound metrics are not sound");
  for (auto line : lines(sound))
    require(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }),
            "metrics cannot be served");
}

void read_secret(std::string_view input) {
  auto o = k8s::object::parse(input);
  if (!o) return;
  auto login = op::read_pull_secret(*o);
  if (!login) return require(!login.error().message.empty(), "an error without a text");
  require(op::matching({*login}, *image_ref::parse("quay.io/gkm/x:y")).has_value(),
          "a secret asked a helper");
}

void encode(std::string_view input) {
  require(base::from_base64(base::to_base64(input)) == input, "base64 does not go both ways");
  if (auto bytes = base::from_base64(input)) require(bytes->size() <= input.size(), "base64 grew");
}

}  // namespace

std::vector<subject> subjects() {
  return {
      {"config",
       read_settings,
       {"gkm.agent.image=quay.io/gkm/agent:1\ngkm.csi.image=quay.io/gkm/"
        "csi@sha256:x\ngkm.nogpu=true\ngkm.kyverno.enabled=no\n",
        "gkm.agent.image=docker://x\ngkm.nogpu=maybe\n"}},
      {"metrics",
       read_metrics,
       {"# HELP gkm_csi_volumes Volumes.\n# TYPE gkm_csi_volumes "
        "gauge\ngkm_csi_volumes{view=\"copy\",a=\"\\\"\\\\\\n\"} 3\n"
        "gkm_csi_x_bucket{le=\"+Inf\"} 1e3\nother 1\ngkm_csi_volumes 2\ngkm_csi_y NaN\n"}},
      {"secret",
       read_secret,
       {R"({"metadata":{"name":"s","namespace":"ns"},"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":")" +
            base::to_base64(R"({"auths":{"quay.io":{"auth":"dTpw"}},"credsStore":"no-such"})") +
            "\"}}",
        R"({"metadata":{"name":"s"},"type":"kubernetes.io/dockercfg","data":{".dockercfg":")" +
            base::to_base64(R"({"quay.io":{"auth":"dTpw"}})") + "\"}}"}},
      {"base64", encode, {"YQ==", "YWI=", "YWJj", "ab=c", "====", "\xff\xfe"}},
  };
}

std::vector<std::string> tokens() {
  return {"gkm.agent.image=",
          "gkm.csi.image=",
          "true",
          "gkm_csi_",
          "# TYPE ",
          "# HELP ",
          "{le=\"",
          "\"} ",
          "+Inf",
          "NaN",
          "histogram",
          "_bucket",
          "_sum",
          "\\n",
          "\"type\"",
          "\"data\"",
          ".dockerconfigjson",
          "gkm.io/pull-secret",
          "=="};
}

}  // namespace gkm::fuzz
