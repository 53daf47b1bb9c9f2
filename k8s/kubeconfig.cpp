#include "base/base64.hpp"
#include "base/files.hpp"
#include "k8s/config.hpp"
#include "k8s/objects/yaml_fields.hpp"

#include <algorithm>

namespace gkm::k8s {
namespace fs = std::filesystem;
namespace {

constexpr size_t max_file_bytes = 4 << 20;
constexpr size_t max_files = 64;

struct file {
  fs::path path;
  YAML::Node root;
};

error in_file(const fs::path& path, error e) {
  e.message = "kubeconfig '" + path.string() + "': " + e.message;
  return e;
}

std::vector<fs::path> wanted_files(const kubeconfig_options& options, const environment& env) {
  if (!options.file.empty()) return {options.file};
  std::vector<fs::path> all;
  auto list = env("KUBECONFIG");
  for (size_t at = 0; at < list.size() && all.size() < max_files;) {
    auto end = std::min(list.find(':', at), list.size());
    if (end > at) all.emplace_back(list.substr(at, end - at));
    at = end + 1;
  }
  if (all.empty() && !env("HOME").empty()) all.push_back(fs::path(env("HOME")) / ".kube/config");
  return all;
}

result<file> load(const fs::path& path) {
  auto text = base::read_file(path, max_file_bytes);
  if (!text) return fail(text.error());
  try {
    return file{path, YAML::Load(*text)};
  } catch (const YAML::Exception& e) {
    return fail(in_file(path, {errc::invalid_argument, e.what(), {}}));
  }
}

// Of several files, those that are not there count as empty.
result<std::vector<file>> load_all(const kubeconfig_options& options, const environment& env) {
  std::vector<file> all;
  std::string names;
  for (const auto& path : wanted_files(options, env)) {
    names += (names.empty() ? "'" : ", '") + path.string() + "'";
    auto one = load(path);
    if (one)
      all.push_back(std::move(*one));
    else if (one.error().code != errc::not_found)
      return fail(one.error());
  }
  if (!all.empty()) return all;
  return fail(errc::not_found, "no kubeconfig" + (names.empty() ? std::string() : " at " + names) +
                                   ": name one by KUBECONFIG");
}

// What one file says about one thing, read through paths that are relative to the file.
struct entry {
  const file* from;
  YAML::Node node;
  std::string path;
};

result<entry> find_entry(const std::vector<file>& files, const std::string& list,
                         const std::string& member, const std::string& name) {
  for (const auto& f : files) {
    error problem;
    std::optional<entry> found;
    yaml_fields root(f.root, "", problem);
    root.each(list, [&](YAML::Node node, std::string path) {
      yaml_fields one(node, path, problem);
      if (found || one.text("name") != name || !problem.message.empty()) return;
      one.section(member);
      if (one.has(member)) found = entry{&f, node[member], path + "." + member};
    });
    if (problem.code != errc::none) return fail(in_file(f.path, std::move(problem)));
    if (found) return *found;
  }
  return fail(
      in_file(files.front().path,
              {errc::invalid_argument, "'" + list + "' has no '" + printable(name) + "'", {}}));
}

fs::path resolved(const entry& e, const std::string& text) {
  fs::path path(text);
  return path.is_absolute() ? path : e.from->path.parent_path() / path;
}

// "x-data", base64 in place, or "x", a file.
std::string pem(const entry& e, yaml_fields& in, const std::string& name, error& problem) {
  if (auto data = in.text(name + "-data"); !data.empty()) {
    std::erase_if(data, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
    auto bytes = base::from_base64(data);
    if (!bytes) in.reject(name + "-data", "is not valid base64");
    return bytes.value_or("");
  }
  auto path = in.text(name);
  if (path.empty() || !in.ok()) return {};
  auto bytes = base::read_file(resolved(e, path), max_file_bytes);
  if (bytes) return *bytes;
  problem = bytes.error();
  problem.message = "'" + e.path + "." + name + "': " + problem.message;
  return {};
}

void read_cluster(const entry& e, config& c, error& problem) {
  yaml_fields in(e.node, e.path, problem);
  c.server = in.text("server");
  while (c.server.ends_with('/')) c.server.pop_back();
  bool web = c.server.starts_with("https://") || c.server.starts_with("http://");
  if (c.server.empty() || !web) in.reject("server", "must be a URL, 'https://host:port'");
  c.ca_pem = pem(e, in, "certificate-authority", problem);
  c.skip_verify = in.flag("insecure-skip-tls-verify");
  if (c.skip_verify && !c.ca_pem.empty())
    in.reject("insecure-skip-tls-verify", "contradicts the certificate authority beside it");
  c.tls_server_name = in.text("tls-server-name");
  c.proxy_url = in.text("proxy-url");
}

exec_plugin read_plugin(const entry& e, yaml_fields in, error& problem) {
  exec_plugin plugin;
  plugin.api_version = in.text("apiVersion");
  if (plugin.api_version != "client.authentication.k8s.io/v1" &&
      plugin.api_version != "client.authentication.k8s.io/v1beta1")
    in.reject("apiVersion", "must be 'client.authentication.k8s.io/v1' or '.../v1beta1'");
  plugin.command = in.text("command");
  if (plugin.command.empty()) in.reject("command", "is missing");
  // A bare name is looked for in PATH.
  if (plugin.command.find('/') != std::string::npos)
    plugin.command = resolved(e, plugin.command).string();
  in.each("args", [&](YAML::Node node, const std::string& path) {
    if (node.IsScalar()) return plugin.arguments.push_back(node.Scalar());
    problem = {errc::invalid_argument, "'" + path + "' must be a string", {}};
  });
  in.each("env", [&](YAML::Node node, std::string path) {
    yaml_fields variable(node, std::move(path), problem);
    plugin.environment.emplace_back(variable.text("name"), variable.text("value"));
  });
  plugin.install_hint = in.text("installHint");
  plugin.provide_cluster_info = in.flag("provideClusterInfo");
  if (in.text("interactiveMode") == "Always")
    in.reject("interactiveMode", "is 'Always', but there is no terminal for the plugin here");
  return plugin;
}

void read_user(const entry& e, config& c, error& problem) {
  yaml_fields in(e.node, e.path, problem);
  auto& u = c.identity;
  u.client_cert_pem = pem(e, in, "client-certificate", problem);
  u.client_key_pem = pem(e, in, "client-key", problem);
  if (u.client_cert_pem.empty() != u.client_key_pem.empty())
    in.reject(u.client_cert_pem.empty() ? "client-certificate" : "client-key",
              "is missing: a certificate and its key belong together");
  u.token = in.text("token");
  if (auto path = in.text("tokenFile"); !path.empty()) u.token_file = resolved(e, path);
  u.username = in.text("username");
  u.password = in.text("password");
  if (in.has("exec")) u.exec = read_plugin(e, in.section("exec"), problem);
  if (in.has("auth-provider"))
    in.reject("auth-provider", "is not supported any more: use an 'exec' plugin");
}

template <class F>
result<void> read(const std::vector<file>& files, const std::string& list,
                  const std::string& member, const std::string& name, F f) {
  auto found = find_entry(files, list, member, name);
  if (!found) return fail(found.error());
  error problem;
  f(*found, problem);
  if (problem.code != errc::none) return fail(in_file(found->from->path, std::move(problem)));
  return {};
}

result<std::string> current_context(const std::vector<file>& files) {
  for (const auto& f : files) {
    error problem;
    auto name = yaml_fields(f.root, "", problem).text("current-context");
    if (problem.code != errc::none) return fail(in_file(f.path, std::move(problem)));
    if (!name.empty()) return name;
  }
  return fail(
      in_file(files.front().path,
              {errc::invalid_argument, "'current-context' is not set: choose a context", {}}));
}

result<config> read_context(const std::vector<file>& files, const std::string& context) {
  config c;
  std::string cluster;
  std::string user;
  auto fine = read(files, "contexts", "context", context, [&](const entry& e, error& problem) {
    yaml_fields in(e.node, e.path, problem);
    cluster = in.text("cluster");
    if (cluster.empty()) in.reject("cluster", "is missing");
    user = in.text("user");
    if (auto ns = in.text("namespace"); !ns.empty()) c.ns = ns;
  });
  if (!fine) return fail(fine.error());
  fine = read(files, "clusters", "cluster", cluster,
              [&](const entry& e, error& problem) { read_cluster(e, c, problem); });
  if (!fine) return fail(fine.error());
  if (user.empty()) return c;
  fine = read(files, "users", "user", user,
              [&](const entry& e, error& problem) { read_user(e, c, problem); });
  if (!fine) return fail(fine.error());
  return c;
}

}  // namespace

result<config> from_kubeconfig(const kubeconfig_options& options, const environment& env) {
  try {
    auto files = load_all(options, env);
    if (!files) return fail(files.error());
    result<std::string> context = options.context;
    if (options.context.empty()) context = current_context(*files);
    if (!context) return fail(context.error());
    auto c = read_context(*files, *context);
    if (c) c->origin = "context '" + *context + "' of '" + files->front().path.string() + "'";
    return c;
  } catch (const YAML::Exception& e) {
    return fail(errc::invalid_argument, std::string("kubeconfig: ") + e.what());
  }
}

}  // namespace gkm::k8s
