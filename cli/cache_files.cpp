#include "cli/cache_files.hpp"

#include "base/files.hpp"
#include "cli/output/suggestion.hpp"
#include "messages/printable.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <optional>
#include <span>
#include <sstream>

namespace gkm::cli {
namespace fs = std::filesystem;
namespace {

constexpr const char* api_version = "gkm.io/v1alpha1";
constexpr const char* default_namespace = "default";
constexpr size_t max_files = 10'000;

constexpr size_t max_list_depth = 4;  // lists in lists

constexpr std::array<std::string_view, 5> object_fields{"apiVersion", "kind", "metadata", "spec",
                                                        "status"};
/// Those of Kubernetes' ObjectMeta: what `kubectl get -o yaml` writes is taken as it is.
constexpr std::array<std::string_view, 15> metadata_fields{"name",
                                                           "generateName",
                                                           "namespace",
                                                           "selfLink",
                                                           "uid",
                                                           "resourceVersion",
                                                           "generation",
                                                           "creationTimestamp",
                                                           "labels",
                                                           "deletionTimestamp",
                                                           "deletionGracePeriodSeconds",
                                                           "annotations",
                                                           "ownerReferences",
                                                           "finalizers",
                                                           "managedFields"};
constexpr std::array<std::string_view, 3> spec_fields{"image", "imagePullSecrets", "nodeSelector"};

int line_of(const YAML::Mark& mark) { return mark.is_null() ? 0 : mark.line + 1; }

/// Reads one document; the first thing wrong ends it.
class document {
public:
  document(const std::string& file, const YAML::Node& root) : file_(file), root_(root) {}

  /// Empty if the document is of another kind.
  std::optional<result<cache_spec>> read();
  const file_problem& problem() const { return problem_; }
  const std::vector<file_problem>& notes() const { return notes_; }

private:
  bool reject(const YAML::Node& at, std::string field, std::string message) {
    if (problem_.message.empty())
      problem_ = {file_, line_of(at.Mark()), std::move(field), std::move(message)};
    return false;
  }

  std::string text(const YAML::Node& parent, const std::string& path, const std::string& name,
                   bool required) {
    auto field = path.empty() ? name : path + "." + name;
    auto node = parent[name];
    if (!node || node.IsNull()) {
      if (required) reject(parent, field, "is missing");
      return {};
    }
    if (!node.IsScalar()) {
      reject(node, field, "must be a string");
      return {};
    }
    return node.Scalar();
  }

  /// "name 'X' is not a valid name: …" of the field itself.
  void reject_name(const YAML::Node& metadata, std::string why) {
    auto field = why.substr(0, why.find(' '));
    reject(metadata[field], "metadata." + field,
           why.substr(std::min(field.size() + 1, why.size())));
  }

  bool section(const std::string& name) {
    auto node = root_[name];
    if (!node || node.IsNull()) return reject(root_, name, "is missing");
    if (!node.IsMap()) return reject(node, name, "must be a mapping");
    return true;
  }

  /// `name` is empty for the object itself.
  void known_fields_only(const std::string& name, std::span<const std::string_view> known) {
    for (const auto& entry : name.empty() ? root_ : root_[name]) {
      auto key = entry.first.IsScalar() ? entry.first.Scalar() : std::string("?");
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      reject(
          entry.first, (name.empty() ? "" : name + ".") + printable(key),
          "is no field of a cache" + (name.empty() ? "" : "'s " + name) + suggestion(key, known));
    }
  }

  void note_what_has_no_meaning() {
    auto spec = root_["spec"];
    auto note = [&](const char* field, const char* why) {
      if (spec[field] && !spec[field].IsNull())
        notes_.push_back({file_, line_of(spec[field].Mark()), std::string("spec.") + field, why});
    };
    note("imagePullSecrets",
         "has no meaning on one machine: registries are logged in to with 'docker login'");
    note("nodeSelector", "has no meaning on one machine: the cache is made ready here");
  }

  cache_spec spec(const std::string& kind);

  std::string file_;
  YAML::Node root_;
  file_problem problem_;
  std::vector<file_problem> notes_;
};

cache_spec document::spec(const std::string& kind) {
  if (!section("metadata") || !section("spec")) return {};
  auto metadata = root_["metadata"];
  auto name = text(metadata, "metadata", "name", true);
  auto ns = text(metadata, "metadata", "namespace", false);
  if (kind == "ClusterGKMCache" && !ns.empty())
    reject(metadata["namespace"], "metadata.namespace",
           "is not allowed: a ClusterGKMCache has none");
  if (kind == "GKMCache" && ns.empty()) ns = default_namespace;
  known_fields_only("spec", spec_fields);
  auto image_text = text(root_["spec"], "spec", "image", true);
  if (!problem_.message.empty()) return {};
  auto ref = cache_ref::make(ns, name);
  if (!ref) reject_name(metadata, ref.error().message);
  auto image = image_ref::parse(image_text);
  if (!image) reject(root_["spec"]["image"], "spec.image", image.error().message);
  known_fields_only("metadata", metadata_fields);
  known_fields_only("", object_fields);
  if (!ref || !image) return {};
  note_what_has_no_meaning();
  return {*ref, *image};
}

std::optional<result<cache_spec>> document::read() {
  auto give_up = [this] {
    return result<cache_spec>(fail(errc::invalid_argument, problem_.str()));
  };
  if (!root_.IsMap()) {
    reject(root_, "", "is no Kubernetes object: a mapping with apiVersion and kind is expected");
    return give_up();
  }
  auto version = text(root_, "", "apiVersion", true);
  auto kind = text(root_, "", "kind", true);
  if (!problem_.message.empty()) return give_up();
  if (!version.starts_with("gkm.io/")) return std::nullopt;
  if (kind != "GKMCache" && kind != "ClusterGKMCache") return std::nullopt;
  if (version != api_version) {
    reject(root_["apiVersion"], "apiVersion",
           "is '" + printable(version) + "', this program knows " + api_version);
    return give_up();
  }
  auto s = spec(kind);
  if (!problem_.message.empty()) return give_up();
  return s;
}

/// "List" is what `kubectl get -o yaml` writes, "GKMCacheList" what the API itself gives.
bool is_list(const YAML::Node& root) {
  if (!root.IsMap()) return false;
  auto kind = root["kind"];
  auto items = root["items"];
  return kind && kind.IsScalar() && kind.Scalar().ends_with("List") && items && items.IsSequence();
}

/// "Pod 'x'", as far as it says.
std::string describe_other(const YAML::Node& root) {
  if (!root.IsMap()) return {};
  auto text = [](const YAML::Node& n) {
    return n && n.IsScalar() ? printable(n.Scalar()) : std::string();
  };
  auto kind = text(root["kind"]);
  auto metadata = root["metadata"];
  auto name = metadata && metadata.IsMap() ? text(metadata["name"]) : std::string();
  constexpr std::array<std::string_view, 2> known{"GKMCache", "ClusterGKMCache"};
  return kind + (name.empty() ? "" : " '" + name + "'") + suggestion(kind, known);
}

/// Tells whether it was an object of a kind that is not read here; `other` is the first such.
bool read_object(const std::string& name, const YAML::Node& root, size_t depth, cache_file& file,
                 std::string& other) {
  if (is_list(root) && depth < max_list_depth) {
    bool other_kinds = root["items"].size() == 0;
    for (const auto& item : root["items"])
      other_kinds = read_object(name, item, depth + 1, file, other) || other_kinds;
    return other_kinds;
  }
  document d(name, root);
  auto spec = d.read();
  if (!spec) {
    if (other.empty()) other = describe_other(root);
    return true;
  }
  if (*spec) {
    file.caches.push_back(**spec);
    file.notes.insert(file.notes.end(), d.notes().begin(), d.notes().end());
  } else {
    file.problems.push_back(d.problem());
    file.hides_some = true;
  }
  return false;
}

/// Notices where the library makes no way: of a text that begins with ',', say, it makes empty
/// documents without end.
class progress : public YAML::EventHandler {
public:
  void OnDocumentStart(const YAML::Mark& at) override {
    if (at.pos == last_) throw YAML::ParserException(at, "a document cannot begin like this");
    last_ = at.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

private:
  int last_ = -1;
};

std::vector<YAML::Node> load_all(const std::string& yaml) {
  std::istringstream in(yaml);
  YAML::Parser parser(in);
  progress watched;
  while (parser.HandleNextDocument(watched)) {
  }
  return YAML::LoadAll(yaml);
}

/// The parser's words for a tab are a riddle.
std::string why_invalid(std::string_view yaml, const YAML::Exception& e) {
  auto text = "is not valid YAML: " + printable(e.msg);
  if (e.mark.is_null()) return text;
  std::istringstream lines{std::string(yaml)};
  std::string line;
  for (int i = 0; i <= e.mark.line && std::getline(lines, line); ++i) {
    auto first = line.find_first_not_of(" \t");
    if (line.substr(0, first).find('\t') != line.npos)
      return "is not valid YAML: line " + std::to_string(i + 1) +
             " is indented with a tab; YAML allows blanks only";
  }
  return text;
}

void read_documents(const std::string& name, std::string_view yaml, cache_file& file) {
  bool other_kinds = false;
  std::string other;
  for (const auto& root : load_all(std::string(yaml)))
    if (!root.IsNull()) other_kinds = read_object(name, root, 0, file, other) || other_kinds;
  if (file.caches.empty() && file.problems.empty())
    file.problems.push_back({name, 0, "",
                             other_kinds ? "holds no GKMCache and no ClusterGKMCache" +
                                               (other.empty() ? std::string() : ", but " + other)
                                         : std::string("holds no YAML document")});
}

}  // namespace

std::string file_problem::str() const {
  std::string text = file;
  if (line > 0) text += ":" + std::to_string(line);
  text += ": ";
  if (!field.empty()) text += field + " ";
  return text + message;
}

cache_file parse_cache_file(const std::string& name, std::string_view yaml) {
  cache_file file;
  try {
    read_documents(name, yaml, file);
  } catch (const YAML::Exception& e) {
    file.hides_some = true;
    file.problems.push_back({name, line_of(e.mark), "", why_invalid(yaml, e)});
  }
  return file;
}

namespace {

bool is_cache_file(const fs::path& file) {
  auto extension = file.extension();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

bool holds_cache_files(const fs::path& dir) {
  std::error_code failed;
  for (fs::directory_iterator it(dir, failed), end; !failed && it != end; it.increment(failed))
    if (is_cache_file(it->path())) return true;
  return false;
}

}  // namespace

result<std::map<std::string, cache_file>> read_cache_files(const fs::path& dir) {
  std::map<std::string, cache_file> files;
  std::error_code failed;
  for (fs::directory_iterator it(dir, failed), end; !failed && it != end; it.increment(failed)) {
    auto name = it->path().filename().string();
    bool read = is_cache_file(it->path());
    auto shown = it->path().string();
    if (!name.starts_with('.') && it->is_directory(failed) && holds_cache_files(it->path()))
      files[shown].notes.push_back({shown, 0, "", "is a folder: its files are not read"});
    failed.clear();
    if (name.starts_with('.') || !read) continue;
    if (files.size() >= max_files)
      return fail(errc::limit_exceeded, "'" + dir.string() + "' holds more than " +
                                            std::to_string(max_files) + " YAML files");
    auto text = base::read_file(it->path(), max_yaml_bytes);
    if (text)
      files[shown] = parse_cache_file(shown, *text);
    else if (text.error().code != errc::not_found)
      files[shown] = {{}, {{shown, 0, "", text.error().message}}, {}, true};
  }
  if (failed) return fail(base::errno_error(failed.value(), "read directory", dir));
  return files;
}

declared_caches merge_cache_files(const declared_caches& before,
                                  const std::map<std::string, cache_file>& files) {
  declared_caches now;
  auto claim = [&](const std::string& file, const cache_spec& spec) {
    bool fresh = now.caches.emplace(spec.ref, spec).second;
    if (fresh) now.owners[file].push_back(spec.ref);
    return fresh;
  };
  for (const auto& [name, file] : files) {
    now.hides_some = now.hides_some || file.hides_some;
    for (const auto& spec : file.caches)
      if (!claim(name, spec))
        now.problems.push_back({name, 0, "",
                                spec.ref.str() + " is already defined, by an earlier "
                                                 "document or file; this one is ignored"});
    now.problems.insert(now.problems.end(), file.problems.begin(), file.problems.end());
    now.notes.insert(now.notes.end(), file.notes.begin(), file.notes.end());
  }
  // After all good documents had their say: what a broken file wanted before, it wants still.
  for (const auto& [name, file] : files) {
    auto owned = before.owners.find(name);
    if (file.problems.empty() || owned == before.owners.end()) continue;
    for (const auto& ref : owned->second) claim(name, before.caches.at(ref));
  }
  return now;
}

}  // namespace gkm::cli
