/// Reading YAML into values: one reader that remembers the first thing that was wrong. For .cpp
/// files of this room only: it includes yaml-cpp.
#pragma once

#include "messages/errors.hpp"
#include "messages/printable.hpp"

#include <yaml-cpp/yaml.h>

#include <functional>
#include <string>

namespace gkm::k8s {

class yaml_fields {
public:
  /// `problem` collects the first error of this reader and all its children.
  yaml_fields(YAML::Node node, std::string path, error& problem)
      : node_(std::move(node)), path_(std::move(path)), problem_(&problem) {
    if (ok() && !node_.IsNull() && !node_.IsMap()) reject("", "must be a mapping");
  }

  bool ok() const { return problem_->code == errc::none; }

  std::string text(const std::string& name) {
    auto at = find(name);
    if (!at) return {};
    if (at.IsScalar()) return at.Scalar();
    reject(name, "must be a string");
    return {};
  }

  bool flag(const std::string& name) {
    auto word = text(name);
    if (word == "true") return true;
    if (!word.empty() && word != "false") reject(name, "must be true or false");
    return false;
  }

  /// Calls `f` for each element, with the index in its path, of an optional list.
  void each(const std::string& name, const std::function<void(YAML::Node, std::string)>& f) {
    auto at = find(name);
    if (!at) return;
    if (!at.IsSequence()) return reject(name, "must be a list");
    for (size_t i = 0; i < at.size() && ok(); ++i)
      f(at[i], path_to(name) + "[" + std::to_string(i) + "]");
  }

  /// An empty one if there is none.
  yaml_fields section(const std::string& name) {
    auto at = find(name);
    return {at ? at : YAML::Node(YAML::NodeType::Null), path_to(name), *problem_};
  }

  bool has(const std::string& name) { return static_cast<bool>(find(name)); }

  void reject(const std::string& name, const std::string& what) {
    if (!ok()) return;
    auto path = path_to(name);
    *problem_ = {
        errc::invalid_argument,
        (path.empty() ? std::string("the document") : "'" + printable(path) + "'") + " " + what,
        {}};
  }

private:
  std::string path_to(const std::string& name) const {
    if (name.empty()) return path_;
    return path_.empty() ? name : path_ + "." + name;
  }

  YAML::Node find(const std::string& name) {
    const YAML::Node& here = node_;
    if (!ok() || !here.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
    auto at = here[name];
    return at && !at.IsNull() ? at : YAML::Node(YAML::NodeType::Undefined);
  }

  YAML::Node node_;
  std::string path_;
  error* problem_;
};

}  // namespace gkm::k8s
