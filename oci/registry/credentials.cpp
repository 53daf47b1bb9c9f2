#include "oci/registry/credentials.hpp"

#include "base/base64.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "messages/printable.hpp"
#include "oci/json.hpp"
#include "oci/registry/credential_helper.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace gkm::oci {
namespace {

namespace fs = std::filesystem;

constexpr size_t max_config_file_bytes = 1 << 20;
constexpr std::string_view hub = "docker.io";
constexpr const char* hub_in_helpers = "https://index.docker.io/v1/";

// "https://index.docker.io/v1/" and "docker.io" are one; "https://quay.io/" is "quay.io".
std::string normalise_key(std::string_view key) {
  for (std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  while (key.ends_with('/')) key.remove_suffix(1);
  for (std::string_view version : {"/v1", "/v2"})
    if (key.ends_with(version)) key.remove_suffix(version.size());
  while (key.ends_with('/')) key.remove_suffix(1);
  auto slash = std::min(key.find('/'), key.size());
  auto host = base::to_lower(key.substr(0, slash));
  if (host == "index.docker.io" || host == "registry-1.docker.io") host = hub;
  return host + std::string(key.substr(slash));
}

tl::unexpected<error> bad_entry(std::string_view key, std::string_view cause) {
  return fail(errc::invalid_argument,
              "registry credentials: field '" + printable(key) + "' " + std::string(cause));
}

result<std::string> text_of(const json::value& entry, std::string_view name,
                            const std::string& path) {
  auto text = json::text(entry, name, path + ".");
  if (!text) return bad_entry(path + "." + std::string(name), "is not a string");
  return text;
}

result<credential> parse_entry(const json::value& entry, const std::string& path) {
  if (!entry.IsObject()) return bad_entry(path, "is not an object");
  credential c;
  for (auto [name, field] : {std::pair{"username", &c.username},
                             {"password", &c.password},
                             {"identitytoken", &c.identity_token}}) {
    auto text = text_of(entry, name, path);
    if (!text) return fail(text.error());
    *field = std::move(*text);
  }
  auto encoded = text_of(entry, "auth", path);
  if (!encoded) return fail(encoded.error());
  // Encoders wrap long lines; every reader of these files skips the breaks.
  std::erase_if(*encoded, [](char ch) { return ch == '\n' || ch == '\r'; });
  if (encoded->empty()) return c;
  auto plain = base::from_base64(*encoded);
  if (!plain) return bad_entry(path + ".auth", "is not base64");
  auto colon = plain->find(':');
  if (colon == std::string::npos) return bad_entry(path + ".auth", "is not 'user:password'");
  c.username = plain->substr(0, colon);
  c.password = plain->substr(colon + 1);
  // Some Windows tools pad the password with zero bytes.
  c.password.erase(c.password.find_last_not_of('\0') + 1);
  return c;
}

result<void> parse_auths(const json::value& list, const std::string& path,
                         std::map<std::string, credential>& out,
                         std::map<std::string, error>& broken) {
  if (!list.IsObject()) return bad_entry(path, "is not an object");
  for (const auto& member : list.GetObject()) {
    auto key = std::string(json::view(member.name));
    if (member.value.IsNull()) continue;
    auto entry = parse_entry(member.value, path.empty() ? key : path + "." + key);
    if (!entry) {
      broken.emplace(normalise_key(key), entry.error());
      continue;
    }
    // Docker Desktop writes `{}` for what its helper keeps.
    if (*entry != credential{}) out[normalise_key(key)] = std::move(*entry);
  }
  return {};
}

result<std::string> helper_name(const json::value& from, const std::string& path) {
  if (!from.IsString()) return bad_entry(path, "is not a string");
  auto name = json::view(from);
  if (!name.empty() && !is_helper_name(name))
    return bad_entry(path, "is not a name of a-z, 0-9, '_', '.' and '-'");
  return std::string(name);
}

// The old form (kubernetes.io/dockercfg): the entries stand at the top.
bool is_legacy(const rapidjson::Document& document) {
  for (std::string_view name : {"auths", "credHelpers", "credsStore"})
    if (json::find(document, name)) return false;
  return document.MemberCount() > 0 &&
         std::all_of(document.MemberBegin(), document.MemberEnd(), [](const auto& member) {
           return member.value.IsObject() &&
                  (json::find(member.value, "auth") || json::find(member.value, "username"));
         });
}

/// One that was left behind by a program that is gone has nothing to say about a public image.
result<std::optional<credential>> ask_helper(const std::string& name, const std::string& server) {
  auto answer = ask_credential_helper(name, server);
  if (!answer && answer.error().code == errc::not_found) return std::nullopt;
  return answer;
}

std::vector<fs::path> usual_files() {
  std::vector<fs::path> files;
  auto add = [&files](const char* variable, std::string_view rest) {
    const char* value = std::getenv(variable);
    if (value && *value) files.push_back(rest.empty() ? fs::path(value) : fs::path(value) / rest);
  };
  add("DOCKER_CONFIG", "config.json");
  add("REGISTRY_AUTH_FILE", "");
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime && *runtime)
    add("XDG_RUNTIME_DIR", "containers/auth.json");
  else
    files.push_back("/run/containers/" + std::to_string(::geteuid()) + "/auth.json");
  add("HOME", ".config/containers/auth.json");
  add("HOME", ".docker/config.json");
  return files;
}

}  // namespace

result<credential_store> credential_store::parse(std::string_view config_json) {
  rapidjson::Document document;
  if (auto ok = json::parse(config_json, "registry credentials", document); !ok)
    return fail(errc::invalid_argument, ok.error().message);
  credential_store store;
  if (is_legacy(document)) {
    if (auto ok = parse_auths(document, "", store.auths_, store.broken_); !ok)
      return fail(ok.error());
    return store;
  }
  if (const auto* auths = json::find(document, "auths"))
    if (auto ok = parse_auths(*auths, "auths", store.auths_, store.broken_); !ok)
      return fail(ok.error());
  if (const auto* helpers = json::find(document, "credHelpers")) {
    if (!helpers->IsObject()) return bad_entry("credHelpers", "is not an object");
    for (const auto& member : helpers->GetObject()) {
      auto key = std::string(json::view(member.name));
      auto name = helper_name(member.value, "credHelpers." + key);
      if (!name)
        store.broken_.emplace(normalise_key(key), name.error());
      else if (!name->empty())
        store.helpers_[normalise_key(key)] = std::move(*name);
    }
  }
  if (const auto* helper = json::find(document, "credsStore")) {
    auto name = helper_name(*helper, "credsStore");
    if (!name)
      store.broken_.emplace("", name.error());
    else
      store.default_helper_ = std::move(*name);
  }
  return store;
}

result<credential_store> credential_store::parse_pull_secret(std::string_view config_json) {
  auto store = parse(config_json);
  if (!store) return store;
  store->helpers_.clear();
  store->default_helper_.clear();
  store->broken_.erase("");
  return store;
}

result<credential_store> credential_store::from_file(const fs::path& file) {
  auto step = "Failed to read registry credentials '" + file.string() + "'";
  std::error_code status;
  if (!fs::is_regular_file(file, status))
    return fail(status || !fs::exists(file, status) ? errc::not_found : errc::invalid_argument,
                step + ": there is no such file");
  auto text = base::read_file(file, max_config_file_bytes);
  if (!text) return wrap(text.error(), "Failed to read registry credentials");
  bool blank = text->find_first_not_of(" \t\r\n") == std::string::npos;
  auto store = blank ? credential_store() : parse(*text);
  if (!store) return wrap(store.error(), step);
  store->origin_ = file.string();
  return store;
}

result<credential_store> credential_store::from_environment() {
  credential_store none;
  none.searched_ = true;
  for (const auto& file : usual_files()) {
    std::error_code status;
    if (fs::exists(file, status) && ::access(file.c_str(), R_OK) == 0) {
      auto found = from_file(file);
      if (found) found->searched_ = true;
      return found;
    }
    if (status && status != std::errc::permission_denied)
      return fail(errc::io, "Failed to look for registry credentials '" + file.string() +
                                "': " + status.message());
    none.origin_ = file.string();
  }
  return none;
}

credential_store credential_store::read_again() const {
  if (searched_) return from_environment().value_or(*this);
  return origin_.empty() ? *this : from_file(origin_).value_or(*this);
}

void credential_store::add_logins(const credential_store& other) {
  auths_.insert(other.auths_.begin(), other.auths_.end());
}

result<std::optional<credential>> credential_store::find(const image_ref& ref) const {
  if (ref.is_layout()) return std::nullopt;
  auto key = ref.host + "/" + ref.repository;
  for (;;) {
    auto server = key == hub ? std::string(hub_in_helpers) : key;
    if (auto helper = helpers_.find(key); helper != helpers_.end()) {
      auto answer = ask_helper(helper->second, server);
      if (!answer || *answer) return answer;
    }
    if (auto entry = auths_.find(key); entry != auths_.end()) return entry->second;
    if (auto bad = broken_.find(key); bad != broken_.end()) return fail(bad->second);
    auto slash = key.rfind('/');
    if (slash == std::string::npos) break;
    key.resize(slash);
  }
  if (auto bad = broken_.find(""); bad != broken_.end()) return fail(bad->second);
  if (default_helper_.empty()) return std::nullopt;
  return ask_helper(default_helper_, ref.host == hub ? std::string(hub_in_helpers) : ref.host);
}

std::string credential_store::helper_for(const image_ref& ref) const {
  auto named = [](const std::string& name) {
    return name.empty() ? name : "docker-credential-" + name;
  };
  for (auto key = ref.host + "/" + ref.repository;;) {
    if (auto helper = helpers_.find(key); helper != helpers_.end()) return named(helper->second);
    auto slash = key.rfind('/');
    if (slash == std::string::npos) return named(default_helper_);
    key.resize(slash);
  }
}

}  // namespace gkm::oci
