#include "tests/support/kube/api_requests.hpp"

#include "messages/json/json.hpp"
#include "tests/support/child_process.hpp"

#include <fstream>

namespace gkm::support {
namespace fs = std::filesystem;
namespace {

constexpr const char* policy =
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\n"
    "rules: [{level: Metadata}]\n";
constexpr const char* node_name = "authentication.kubernetes.io/node-name";

const rapidjson::Value& member(const rapidjson::Value& of, const char* name) {
  static const rapidjson::Value none(rapidjson::kObjectType);
  if (!of.IsObject()) return none;
  auto at = of.FindMember(name);
  return at == of.MemberEnd() ? none : at->value;
}

std::string text(const rapidjson::Value& of, const char* name) {
  const auto& value = member(of, name);
  return value.IsString() ? value.GetString() : "";
}

api_request read(const rapidjson::Value& entry) {
  api_request r;
  auto agent = text(entry, "userAgent");
  r.program = agent.substr(0, agent.find_first_of("/ "));
  const auto& nodes = member(member(member(entry, "user"), "extra"), node_name);
  if (nodes.IsArray() && !nodes.Empty()) r.node = nodes[0].GetString();
  r.verb = text(entry, "verb");
  const auto& object = member(entry, "objectRef");
  r.resource = text(object, "resource");
  if (auto part = text(object, "subresource"); !part.empty()) r.resource += '/' + part;
  r.ns = text(object, "namespace");
  r.name = text(object, "name");
  const auto& code = member(member(entry, "responseStatus"), "code");
  r.code = code.IsInt() ? code.GetInt() : 0;
  return r;
}

}  // namespace

bool api_request::is_write() const {
  return verb == "create" || verb == "patch" || verb == "update" || verb == "delete";
}

api_requests::api_requests(fs::path folder) : folder_(std::move(folder)) {
  fs::create_directories(folder_);
  write_whole(folder_ / "policy.yaml", policy);
}

std::vector<std::string> api_requests::apiserver_arguments() const {
  return {"--audit-policy-file=" + (folder_ / "policy.yaml").string(),
          "--audit-log-path=" + log().string()};
}

size_t api_requests::now() const {
  std::error_code absent;
  auto size = fs::file_size(log(), absent);
  return absent ? 0 : size;
}

std::vector<api_request> api_requests::since(size_t moment, const filter& which) const {
  std::vector<api_request> all;
  std::ifstream lines(log());
  lines.seekg(static_cast<std::streamoff>(moment));
  for (std::string line; std::getline(lines, line) && !lines.eof();) {
    auto entry = json::parse(line);
    if (!entry) continue;
    auto request = read(*entry);
    // A watch is told when it begins, and again when it ends.
    bool counts =
        text(*entry, "stage") == (request.verb == "watch" ? "ResponseStarted" : "ResponseComplete");
    if (counts && request.resource != "leases" && which(request)) all.push_back(request);
  }
  return all;
}

api_requests::filter asked_by(const std::string& program) {
  return [program](const api_request& r) { return r.program == program && r.verb != "watch"; };
}

api_requests::filter written_by(const std::string& program, const std::string& resource) {
  return [program, resource](const api_request& r) {
    return r.is_write() && r.resource != "events" && (program.empty() || r.program == program) &&
           r.resource.starts_with(resource);
  };
}

}  // namespace gkm::support
