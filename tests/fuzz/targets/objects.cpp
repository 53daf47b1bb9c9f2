// What the API server sends: objects, our own kinds, node reports, watches, times; and the patches
// that follow.
#include "k8s/objects/object.hpp"
#include "k8s/objects/patch.hpp"
#include "k8s/objects/resource.hpp"
#include "k8s/objects/time.hpp"
#include "k8s/objects/types.hpp"
#include "k8s/watch_stream.hpp"
#include "messages/json/json.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/json_patches.hpp"

#include <rapidjson/document.h>

#include <algorithm>

namespace gkm::fuzz {
namespace {

using namespace k8s;

void read_object(std::string_view input) {
  work_meter work;
  auto o = object::parse(input);
  if (!o) return;
  auto again = object::parse(o->print());
  require_ok(again, "a printed object is not read");
  require(again->print() == o->print(), "an object is printed in two ways");
  require(!o->name().empty(), "an object without a name");
  for (const auto& f : o->finalizers())
    require(o->has_finalizer(f), "a finalizer is there and is not");
  o->owners(), o->labels(), o->annotations(), o->created_unix_s(), o->generation();
  if (auto patch = add_finalizer(*o, "gkm.io/x")) {
    auto more = object::parse(apply_merge_patch(o->print(), *patch));
    require(more && more->has_finalizer("gkm.io/x"), "a finalizer is not added");
    require(remove_finalizer(*more, "gkm.io/x").has_value(), "a finalizer cannot be removed");
  }
  work.require_at_most(64 << 10, 512, input.size(), "an object");
}

// The status of one object in the place of another's: what is written reads back equal. What
// `is_written` does not know for written is patched whole, each time.
template <class T, result<T> (*Parse)(const object&), class StatusOf, class IsWritten>
void check_status(std::string_view input, StatusOf status_of, IsWritten is_written) {
  auto o = object::parse(input);
  if (!o) return;
  work_meter work;
  auto wanted = Parse(*o);
  work.require_at_most(256 << 10, 64, input.size(), "the reading of an object");
  if (!wanted || !is_written(*wanted)) return;
  const auto bare = apply_merge_patch(o->print(), R"({"status":null})");
  auto seen = Parse(*object::parse(bare));
  require_ok(seen, "an object without its status is not read");
  auto patch = status_patch(status_of(*seen), status_of(*wanted));
  if (!patch) return;
  auto patched = object::parse(apply_merge_patch(bare, *patch));
  require_ok(patched, "a patched object is none");
  auto made = Parse(*patched);
  require_ok(made, "a patched object is not read");
  auto further = status_patch(status_of(*made), status_of(*wanted));
  require(!further, "a status that was written is to be written again: " + further.value_or(""));
}

void read_cache(std::string_view input) {
  check_status<cache_object, parse_cache>(
      input, [](const auto& c) { return c.status; },
      [](const auto& c) { return c.status != cache_object_status{}; });
}

void read_report(std::string_view input) {
  check_status<node_report, parse_node_report>(
      input, [](const auto& r) { return r; }, [](const auto& r) { return !r.node_name.empty(); });
}

struct heard {
  std::string lines;
  std::string end;
};

// A status, then the body.
heard listen(std::string_view input, size_t piece) {
  heard all;
  auto [status, body] = first_line(input);
  watch_stream stream([&] { all.lines += "opened\n"; },
                      [&](std::string_view line) { all.lines.append(line).append("\n"); },
                      [&](const std::optional<error>& why, int refusal) {
                        all.end += (why ? why->message : "fine") + std::to_string(refusal);
                      });
  stream.on_head({status == "200" ? 200 : 410, {}, ""});
  for (; !body.empty(); body.remove_prefix(std::min(piece, body.size())))
    stream.on_body(body.substr(0, piece));
  stream.on_end(std::nullopt);
  return all;
}

void read_watch(std::string_view input) {
  const auto whole = listen(input, input.size() + 1);
  for (size_t piece : {size_t{1}, size_t{7}}) {
    const auto cut = listen(input, piece);
    require(cut.lines == whole.lines && cut.end == whole.end,
            "the cut of a watch decides what is heard");
  }
}

void read_time(std::string_view input) {
  if (auto time = parse_time(input))
    if (auto again = parse_time(print_time(*time)))
      require(*again == *time, "a time reads other than written");
}

// Two documents, a line each.
void difference(std::string_view input) {
  auto [first, rest] = first_line(input);
  auto second = first_line(rest).first;
  auto from = gkm::json::parse(first);
  auto to = gkm::json::parse(second);
  if (!from || !to || !from->IsObject() || !to->IsObject()) return;
  auto patch = merge_difference(*from, *to);
  if (!patch)
    return require(is_same_json(first, second), "two documents differ, and there is no patch");
  require(patch->size() <= 8 * input.size() + 64, "a patch outgrew its documents");
}

void name_path(std::string_view input) {
  auto [ns, name] = first_line(input);
  const auto path = gkm_caches.path({std::string(ns), std::string(name)}, "status");
  const auto slashes = std::count(path.begin(), path.end(), '/');
  require(slashes == (ns.empty() ? 6 : 8), "a name became more than one segment: " + path);
  require(path.find_first_of("?#\\ ") == path.npos, "a name ends the path: " + path);
  require(gkm::json::parse(json_text(input)).has_value(), "a text is no JSON");
}

}  // namespace

std::vector<subject> subjects() {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::string metadata =
      R"("metadata":{"name":"x","namespace":"ns","uid":"u","resourceVersion":"5","generation":2,)"
      R"("creationTimestamp":"2025-11-03T09:30:00Z","finalizers":["gkm.io/f"],"labels":{"gkm.io/signature-format":"v3"},)"
      R"("annotations":{"gkm.io/resolvedDigest":")" +
      digest + R"("},"ownerReferences":[{"uid":"o","controller":true}]})";
  const std::string conditions =
      R"("conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"m",)"
      R"("lastTransitionTime":"2025-11-03T09:30:00Z","observedGeneration":2}])";
  const std::string counts = R"("counts":{"nodeCnt":3,"nodeInUseCnt":1,"podRunningCnt":4})";
  const std::string cache = "{" + metadata +
                            R"(,"spec":{"image":"quay.io/x:1","imagePullSecrets":[{"name":"s"}],)"
                            R"("nodeSelector":{"gpu":"yes"}},"status":{"resolvedDigest":")" +
                            digest + R"(","resolvedImage":"quay.io/x@)" + digest + "\"," +
                            conditions + "," + counts +
                            R"(,"observedGeneration":2,"lastUpdated":"2025-11-03T09:31:00Z"}})";
  const std::string report =
      "{" + metadata + R"(,"status":{"nodeName":"w",)" + counts +
      R"(,"gpus":[{"gpuType":"H100","driverVersion":"1","ids":[0,1]}],)"
      R"("caches":{"x":{")" +
      digest +
      R"(":{"compatibleGPUs":[0],"incompatibleGPUs":[1,2],"incompatibilityReasons":)"
      R"([{"id":1,"reason":"r"}],)" +
      conditions +
      R"(,"lastUpdated":"2025-11-03T09:30:00Z","volumeSize":9,)"
      R"("pods":[{"podNamespace":"ns","podName":"p","volumeId":"v"}]}}}}})";
  return {
      {"object",
       read_object,
       {cache, R"({"kind":"Pod","metadata":{"name":"p","managedFields":[{}]},"spec":7})"}},
      {"cache", read_cache, {cache, "{" + metadata + R"(,"spec":{"image":"x"}})"}},
      {"report", read_report, {report, "{" + metadata + "}"}},
      {"watch",
       read_watch,
       {"200\n{\"type\":\"ADDED\",\"object\":" + cache + "}\n\n{\"type\":\"BOOKMARK\"}\nhalf",
        R"(410)"
        "\n"
        R"({"kind":"Status","status":"Failure","reason":"Expired","message":"too old","code":410})"}},
      {"time",
       read_time,
       {"2025-11-03T09:30:00Z", "2025-11-03t09:30:60.123456+23:59", "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:60-23:59"}},
      {"difference",
       difference,
       {"{\"a\":1,\"b\":{\"c\":[1],\"d\":null}}\n{\"b\":{\"c\":[2],\"e\":\"x\"},\"f\":{}}",
        "{}\n{}"}},
      {"path", name_path, {"ns\nname", "\n../x?y#z", "a/b\n%2e"}},
  };
}

std::vector<std::string> tokens() {
  return {"\"metadata\"",
          "\"name\":\"x\"",
          "\"status\"",
          "\"spec\"",
          "\"conditions\"",
          "\"caches\"",
          "\"pods\"",
          "\"ids\"",
          "\"finalizers\"",
          "\"deletionTimestamp\"",
          "\"ownerReferences\"",
          "\"incompatibleGPUs\":[1,1,1]",
          "{\"id\":1,\"reason\":\"x\"},",
          "\"volumeSize\":-1",
          "2025-11-03T09:30:00Z",
          "null",
          "\\u0000",
          "\\ud800",
          "sha256:" + std::string(64, 'b'),
          "{\"type\":\"ERROR\",\"object\":",
          "\"True\"",
          "\"Unknown\"",
          "-0",
          "1.5"};
}

}  // namespace gkm::fuzz
