#include "messages/volume.hpp"

#include "messages/json/record_fields.hpp"

#include <algorithm>
#include <array>

namespace gkm {
using namespace records;
namespace {

constexpr std::array<std::string_view, 4> view_names{"overlay", "readonly", "copy", "empty"};
constexpr std::array<std::string_view, 2> phase_names{"intent", "mounted"};

template <class Enum, size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, Enum value) {
  auto i = static_cast<size_t>(value);
  return i < N ? names[i] : "unknown";
}

/// An absolute path without "." or ".." parts, doubled slashes or control characters.
std::string read_path(json::reader& in, const char* name, bool required) {
  auto path = required ? in.plain(name) : in.plain_or(name);
  if (!path.empty() && !is_normal_path(path)) in.reject(name, "is no absolute, normalised path");
  return path;
}

void put_notes(writer& out, const std::vector<volume_note>& notes) {
  out.Key("notes");
  out.StartArray();
  for (const auto& n : notes) {
    if (&n - notes.data() >= static_cast<ptrdiff_t>(max_volume_notes)) break;
    out.StartObject();
    put(out, "reason", bounded(n.reason));
    put(out, "message", bounded(n.message));
    out.EndObject();
  }
  out.EndArray();
}

}  // namespace

std::string_view to_string(view_kind k) { return name_of(view_names, k); }

result<view_kind> parse_view_kind(std::string_view text) {
  auto it = std::find(view_names.begin(), view_names.end(), text);
  if (it == view_names.end())
    return fail(errc::invalid_argument, "view '" + printable(text, 80) + "' is unknown");
  return static_cast<view_kind>(it - view_names.begin());
}

std::string_view to_string(volume_phase p) { return name_of(phase_names, p); }

bool is_normal_path(std::string_view path) {
  if (path.empty() || path.front() != '/' || path.size() > max_path_chars) return false;
  if (path == "/") return true;
  bool control = std::any_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control || path.back() == '/') return false;
  for (size_t from = 1; from <= path.size();) {
    auto to = std::min(path.find('/', from), path.size());
    auto part = path.substr(from, to - from);
    if (part.empty() || part == "." || part == "..") return false;
    from = to + 1;
  }
  return true;
}

std::string print_volume_record(const volume_record& r) {
  return print([&](writer& out) {
    put_version(out);
    put(out, "volumeId", r.volume_id);
    put(out, "phase", std::string(to_string(r.phase)));
    put(out, "boot", r.boot);
    put(out, "target", r.target);
    put_ref(out, r.ref);
    put_some(out, "digest", r.manifest.str());
    put(out, "view", std::string(to_string(r.view)));
    put_some(out, "mountPath", r.mount_path);
    put_some(out, "scratchBytes", r.scratch_bytes);
    put_some(out, "cacheFiles", r.cache_files);
    put_some(out, "cacheBytes", r.cache_bytes);
    put_some(out, "podNamespace", r.pod_ns);
    put_some(out, "podName", r.pod_name);
    put_some(out, "podUid", r.pod_uid);
    if (!r.notes.empty()) put_notes(out, r.notes);
    put(out, "createdUnixSeconds", r.created_unix_s);
  });
}

namespace {

/// The fields that every version of the record has, with one meaning.
void read_core(json::reader& in, volume_record& r) {
  check_version(in);
  r.volume_id = in.plain("volumeId");
  if (r.volume_id.size() > max_volume_id_chars) in.reject("volumeId", "is too long");
  r.boot = in.plain("boot");
  r.target = read_path(in, "target", true);
  r.ref = read_ref(in);
  r.manifest = read_digest(in, "digest", false);
}

/// Only an empty view uses no digest: a record that seems to name none must not unpin one.
void require_digest(json::reader& in, const volume_record& r) {
  if (r.manifest.empty() && r.view != view_kind::empty) in.require("digest");
}

result<volume_record> parse_core(std::string_view text) {
  return json::parse_object<volume_record>(text, [](json::reader& in, volume_record& r) {
    read_core(in, r);
    r.core_only = true;
    r.phase = volume_phase::mounted;
    r.view = parse_view_kind(in.text_or("view")).value_or(view_kind::overlay);
    require_digest(in, r);
    r.mount_path = read_path(in, "mountPath", false);
    r.pod_ns = in.plain_or("podNamespace");
    r.pod_name = in.plain_or("podName");
    r.pod_uid = in.plain_or("podUid");
  });
}

result<volume_record> parse_whole(std::string_view text) {
  return json::parse_object<volume_record>(text, [](json::reader& in, volume_record& r) {
    read_core(in, r);
    auto phase = in.text("phase");
    auto known = std::find(phase_names.begin(), phase_names.end(), phase);
    if (known == phase_names.end()) in.reject("phase", "must be intent or mounted");
    r.phase = phase == "mounted" ? volume_phase::mounted : volume_phase::intent;
    auto view = parse_view_kind(in.text("view"));
    if (!view) in.reject("view", "is unknown");
    r.view = view.value_or(view_kind::empty);
    require_digest(in, r);
    r.mount_path = read_path(in, "mountPath", false);
    r.scratch_bytes = in.number_or("scratchBytes");
    r.cache_files = in.number_or("cacheFiles");
    r.cache_bytes = in.number_or("cacheBytes");
    r.pod_ns = in.plain_or("podNamespace");
    r.pod_name = in.plain_or("podName");
    r.pod_uid = in.plain_or("podUid");
    in.each_object("notes", max_volume_notes, [&](json::reader n) {
      r.notes.push_back({n.plain("reason"), bounded(n.text("message"))});
    });
    r.created_unix_s = in.integer_or("createdUnixSeconds");
  });
}

}  // namespace

result<volume_record> parse_volume_record(std::string_view text) {
  auto whole = parse_whole(text);
  if (whole) return whole;
  auto core = parse_core(text);
  return core ? core : whole;
}

}  // namespace gkm
