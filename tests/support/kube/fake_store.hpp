/// The objects of a stand-in for an API server: versions, conflicts, finalizers, a history. It
/// knows no schema. For .cpp files of this folder: it includes RapidJSON.
#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gkm::support {

using json_document = std::shared_ptr<const rapidjson::Document>;

/// "/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUBRESOURCE", taken apart.
struct api_path {
  std::string collection;  ///< without namespace: "/apis/gkm.io/v1alpha1/gkmcaches"
  std::string ns;
  std::string name;
  std::string subresource;

  static std::optional<api_path> parse(const std::string& path);
};

struct store_event {
  uint64_t version = 0;
  std::string collection;
  json_document before;  ///< null: it was not there
  json_document after;   ///< null: it is gone; `before` then has the version of its end
};

/// Whom a list or watch is about. Selectors are of equality only: "a=b,c=d".
struct store_selection {
  std::string collection;
  std::string ns;
  std::string label_selector;
  std::string field_selector;

  bool matches(const json_document& object) const;
};

struct store_answer {
  int status = 200;
  json_document object;  ///< or the Status
};

class fake_store {
public:
  store_answer get(const api_path& at) const;
  store_answer create(const api_path& in, const std::string& body);
  store_answer replace(const api_path& at, const std::string& body);
  /// An RFC 7386 patch. `create`: makes what is not there, as an apply does.
  store_answer merge(const api_path& at, const std::string& body, bool create);
  store_answer remove(const api_path& at, const std::string& delete_options);

  std::vector<json_document> list(const store_selection& which) const;
  uint64_t version() const { return version_; }
  /// Events after `version`, or nothing if that is too long ago.
  std::optional<std::vector<store_event>> since(uint64_t version) const;
  void forget_history();

private:
  using key = std::pair<std::string, std::string>;  // namespace and name
  store_answer put(const api_path& at, rapidjson::Document next, const json_document& before);
  store_answer drop(const api_path& at, const json_document& before);
  json_document find(const api_path& at) const;

  std::map<std::string, std::map<key, json_document>> objects_;
  std::vector<store_event> history_;
  uint64_t version_ = 100;
  uint64_t forgotten_ = 100;  ///< events up to this one are not in the history
  uint64_t uids_ = 0;
};

std::string print_json(const rapidjson::Value& value);
json_document make_status(int code, const std::string& reason, const std::string& message);

}  // namespace gkm::support
