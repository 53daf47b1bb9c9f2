#include "messages/record.hpp"

#include "messages/json/record_fields.hpp"

#include <utility>

namespace gkm {
using namespace records;
namespace {

constexpr size_t max_gpus = 1'024;
constexpr size_t max_texts = 64;

void put_targets(writer& out, const std::vector<target>& targets) {
  out.Key("targets");
  out.StartArray();
  for (const auto& t : targets) {
    out.StartObject();
    put(out, "backend", t.backend);
    put(out, "arch", t.arch);
    if (t.warp_size) put(out, "warpSize", uint64_t{t.warp_size});
    if (t.xnack != feature::unstated) put(out, "xnack", std::string(to_string(t.xnack)));
    if (t.sramecc != feature::unstated) put(out, "sramecc", std::string(to_string(t.sramecc)));
    out.EndObject();
  }
  out.EndArray();
}

feature read_feature(json::reader& in, const char* name) {
  auto text = in.text_or(name);
  auto f = parse_feature(text);
  if (!f && !text.empty()) in.reject(name, "must be any, off or on");
  return f.value_or(feature::unstated);
}

uint32_t read_warp_size(json::reader& in) {
  return static_cast<uint32_t>(in.number_or("warpSize", 0, UINT32_MAX));
}

void read_targets(json::reader& in, std::vector<target>& targets) {
  in.each_object("targets", max_record_targets, [&](json::reader t) {
    targets.push_back({t.plain("backend"), t.plain("arch"), read_warp_size(t),
                       read_feature(t, "xnack"), read_feature(t, "sramecc")});
  });
}

void put_stored(writer& out, const stored_cache& s) {
  put(out, "manifest", s.manifest.str());
  put(out, "type", s.cache_type);
  put(out, "files", s.files);
  put(out, "bytes", s.bytes);
  put_targets(out, s.targets);
  if (!s.problems.empty()) put(out, "problems", s.problems);
  put_some(out, "relocatedFiles", s.relocated_files);
}

void read_stored(json::reader& in, stored_cache& s) {
  s.manifest = read_digest(in, "manifest", true);
  s.cache_type = in.text("type");
  if (in.ok() && s.cache_type != "triton" && s.cache_type != "vllm")
    in.reject("type", "must be triton or vllm");
  s.files = in.number_or("files");
  s.bytes = in.number_or("bytes");
  read_targets(in, s.targets);
  in.each_text("problems", max_texts, [&](std::string p) { s.problems.push_back(bounded(p)); });
  s.relocated_files = in.number_or("relocatedFiles");
}

cache_state read_state(json::reader& in) {
  auto state = parse_cache_state(in.text("state"));
  if (!state) in.reject("state", "is unknown");
  return state.value_or(cache_state::error);
}

void put_match(writer& out, const match_result& m) {
  out.Key("gpus");
  out.StartArray();
  for (const auto& g : m.gpus) {
    out.StartObject();
    put(out, "id", int64_t{g.id});
    put(out, "compatible", g.compatible);
    put_some(out, "reason", g.reason);
    out.EndObject();
  }
  out.EndArray();
  put(out, "targetsKnown", m.known);
}

void read_match(json::reader& in, match_result& m) {
  m.known = in.boolean_or("targetsKnown");
  in.each_object("gpus", max_gpus, [&](json::reader g) {
    auto id = g.integer("id");
    if (!std::in_range<int32_t>(id)) g.reject("id", "is out of range");
    m.gpus.push_back(
        {static_cast<int32_t>(id), g.boolean_or("compatible"), bounded(g.text_or("reason"))});
  });
}

void put_volumes(writer& out, const std::vector<mounted_volume>& volumes) {
  out.Key("volumes");
  out.StartArray();
  for (const auto& v : volumes) {
    out.StartObject();
    put(out, "volumeId", v.volume_id);
    put_some(out, "digest", v.manifest.str());
    put_some(out, "podNamespace", v.pod_ns);
    put_some(out, "podName", v.pod_name);
    out.EndObject();
  }
  out.EndArray();
}

void read_volumes(json::reader& in, cache_status& s) {
  in.each_object("volumes", max_status_volumes, [&](json::reader v) {
    s.volumes.push_back({v.plain("volumeId"), s.ref, read_digest(v, "digest", false),
                         v.plain_or("podNamespace"), v.plain_or("podName")});
  });
}

errc parse_errc(std::string_view text) {
  for (auto i = static_cast<uint8_t>(errc::none); i <= static_cast<uint8_t>(errc::internal); ++i)
    if (to_string(static_cast<errc>(i)) == text) return static_cast<errc>(i);
  return errc::internal;
}

}  // namespace

std::string print_stored_cache(const stored_cache& facts) {
  return print([&](writer& out) {
    put_version(out);
    put_stored(out, facts);
  });
}

bool may_be_facts_of_later_version(std::string_view text) {
  return json::parse_object<stored_cache>(text,
                                          [](json::reader& in, stored_cache& s) {
                                            check_version(in);
                                            if (in.integer("version") == record_version)
                                              in.reject("version", "is this one");
                                            s.manifest = read_digest(in, "manifest", false);
                                          })
      .has_value();
}

result<stored_cache> parse_stored_cache(std::string_view text) {
  return json::parse_object<stored_cache>(text, [](json::reader& in, stored_cache& s) {
    check_version(in);
    read_stored(in, s);
  });
}

std::string print_catalog_record(const catalog_record& r) {
  return print([&](writer& out) {
    put_version(out);
    put_ref(out, r.ref);
    put(out, "image", r.image);
    put_some(out, "resolvedDigest", r.resolved.str());
    put_some(out, "digest", r.manifest.str());
    put(out, "state", std::string(to_string(r.state)));
    put_some(out, "reason", bounded(r.reason));
    if (r.code != errc::none) put(out, "code", std::string(to_string(r.code)));
    put_targets(out, r.targets);
    put_some(out, "files", r.files);
    put_some(out, "bytes", r.bytes);
    put_some(out, "relocatedFiles", r.relocated_files);
  });
}

namespace {

/// The fields that every version of the record has, with one meaning.
void read_catalog_core(json::reader& in, catalog_record& r) {
  check_version(in);
  r.ref = read_ref(in);
  r.image = in.plain("image");
  r.resolved = read_digest(in, "resolvedDigest", false);
  r.manifest = read_digest(in, "digest", false);
}

result<catalog_record> parse_whole_catalog_record(std::string_view text) {
  return json::parse_object<catalog_record>(text, [](json::reader& in, catalog_record& r) {
    read_catalog_core(in, r);
    r.state = read_state(in);
    r.reason = bounded(in.text_or("reason"));
    if (in.has("code")) r.code = parse_errc(in.text("code"));
    read_targets(in, r.targets);
    r.files = in.number_or("files");
    r.bytes = in.number_or("bytes");
    r.relocated_files = in.number_or("relocatedFiles");
  });
}

}  // namespace

result<catalog_record> parse_catalog_record(std::string_view text) {
  auto whole = parse_whole_catalog_record(text);
  if (whole) return whole;
  auto core = json::parse_object<catalog_record>(text, [](json::reader& in, catalog_record& r) {
    read_catalog_core(in, r);
    if (in.integer("version") == record_version) in.reject("version", "is this one");
    r.state = cache_state::error;
    r.code = errc::unavailable;
    r.reason = "a later version of GKM wrote its record on this node; it is being made anew";
  });
  return core ? core : whole;
}

std::string print_cache_status(const cache_status& s) {
  return print([&](writer& out) {
    put_version(out);
    put_ref(out, s.ref);
    put(out, "image", s.image);
    put(out, "state", std::string(to_string(s.state)));
    if (s.code != errc::none) put(out, "code", std::string(to_string(s.code)));
    put(out, "message", bounded(s.message));
    if (!s.warnings.empty()) put(out, "warnings", s.warnings);
    put_some(out, "resolvedDigest", s.resolved.str());
    if (!s.stored.manifest.empty()) {
      out.Key("stored");
      out.StartObject();
      put_stored(out, s.stored);
      out.EndObject();
    }
    put_match(out, s.match);
    if (s.total_bytes) {
      put(out, "pulledBytes", s.pulled_bytes);
      put(out, "totalBytes", s.total_bytes);
    }
    put_some(out, "path", s.path);
    put(out, "changedUnixSeconds", s.changed_unix_s);
    if (s.retry_unix_s) put(out, "retryUnixSeconds", s.retry_unix_s);
    if (!s.volumes.empty()) put_volumes(out, s.volumes);
  });
}

result<cache_status> parse_cache_status(std::string_view text) {
  return json::parse_object<cache_status>(text, [](json::reader& in, cache_status& s) {
    check_version(in);
    s.ref = read_ref(in);
    s.image = in.plain("image");
    s.state = read_state(in);
    if (in.has("code")) s.code = parse_errc(in.text("code"));
    s.message = bounded(in.text_or("message"));
    in.each_text("warnings", max_texts, [&](std::string w) { s.warnings.push_back(bounded(w)); });
    s.resolved = read_digest(in, "resolvedDigest", false);
    in.object("stored", [&](json::reader stored) { read_stored(stored, s.stored); });
    read_match(in, s.match);
    s.pulled_bytes = in.number_or("pulledBytes");
    s.total_bytes = in.number_or("totalBytes");
    s.path = in.plain_or("path");
    s.changed_unix_s = in.integer_or("changedUnixSeconds");
    s.retry_unix_s = in.integer_or("retryUnixSeconds");
    read_volumes(in, s);
  });
}

}  // namespace gkm
