#include "audit_log.hpp"

#include "figures.hpp"

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

namespace gkm::bench {
namespace fs = std::filesystem;
namespace {

constexpr auto policy = R"({"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
"omitStages": ["RequestReceived"], "rules": [
{"level": "Metadata", "users": ["system:serviceaccount:gkm-system:gkm-operator",
                                "system:serviceaccount:gkm-system:gkm-agent"]},
{"level": "None"}]})";

std::string text(const rapidjson::Document& of, const char* pointer) {
  const auto* value = rapidjson::Pointer(pointer).Get(of);
  return value && value->IsString() ? value->GetString() : "";
}

void count(const rapidjson::Document& request, request_counts& into) {
  auto verb = text(request, "/verb");
  if (verb == "watch") return;
  auto resource = text(request, "/objectRef/resource");
  bool reads = verb == "get" || verb == "list";
  if (resource == "leases")
    ++into.leases;
  else if (resource == "events" && !reads)
    ++into.events;
  else if (resource.ends_with("gkmcachenodes") && !reads)
    ++into.agent_writes;
  else if (resource.ends_with("gkmcaches") && !reads)
    ++into.operator_writes;
  else
    ++into.others;
}

}  // namespace

std::vector<std::string> audit_log::arguments(const fs::path& folder) {
  fs::create_directories(folder);
  std::ofstream(folder / "policy.yaml") << policy;
  return {"--audit-policy-file=" + (folder / "policy.yaml").string(),
          "--audit-log-path=" + (folder / "audit.log").string()};
}

audit_log::audit_log(const fs::path& folder) : in_(folder / "audit.log") {
  if (!in_) die("The API server writes no audit log");
}

request_counts audit_log::take_new() {
  request_counts counts;
  in_.clear();
  for (std::string line; std::getline(in_, line);) {
    rapidjson::Document request;
    if (request.Parse(line.data(), line.size()).HasParseError() || !request.IsObject()) continue;
    if (text(request, "/stage") == "ResponseComplete") count(request, counts);
  }
  return counts;
}

}  // namespace gkm::bench
