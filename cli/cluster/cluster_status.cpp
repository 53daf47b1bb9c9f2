#include "cli/cluster/cluster_status.hpp"

#include "base/program/version.hpp"
#include "cli/cluster/cluster_details.hpp"
#include "cli/cluster/cluster_document.hpp"
#include "cli/cluster/cluster_feed.hpp"
#include "cli/cluster/cluster_follow.hpp"
#include "cli/cluster/cluster_table.hpp"
#include "cli/exit_code.hpp"
#include "cli/output/printing.hpp"
#include "k8s/client.hpp"

#include <ctime>
#include <iostream>
#include <memory>

namespace gkm::cli {
namespace {

std::string namespace_text(const cluster_scope& scope) {
  return scope.ns.empty() ? "any namespace" : "namespace '" + scope.ns + "'";
}

result<cluster_scope> scope_of(const cluster_options& c, const std::string& name,
                               const std::string& usual_ns) {
  cluster_scope scope;
  scope.selector = c.selector;
  scope.ns = c.all_namespaces ? "" : c.ns.empty() ? usual_ns : c.ns;
  scope.name = name;
  if (auto slash = name.find('/'); slash != std::string::npos) {
    scope.ns = name.substr(0, slash);
    scope.name = name.substr(slash + 1);
    scope.with_cluster = false;
    if (scope.ns.empty())
      return fail(errc::invalid_argument, "'" + plain(name) + "' names nothing");
    if (!c.ns.empty() && c.ns != scope.ns)
      return fail(errc::invalid_argument, "'" + plain(name) + "' is not in the namespace '" +
                                              plain(c.ns) + "' that -n names");
  }
  // Both become part of what the server is asked.
  auto valid = cache_ref::make(scope.ns, scope.name.empty() ? "any" : scope.name);
  if (!valid) return fail(valid.error());
  return scope;
}

error no_cluster(error why) {
  why.message = "Cannot tell which cluster is meant: " + why.message;
  if (why.code == errc::not_found) why.message += " or --kubeconfig";
  return why;
}

error no_such(const cluster_scope& scope, const k8s::config& where) {
  auto text = "There is no GKMCache '" + scope.name + "' in " + namespace_text(scope);
  if (scope.with_cluster) text += ", and no ClusterGKMCache of that name";
  return {
      errc::not_found, text + " (" + where.origin + "); -n names a namespace, -A means all", {}};
}

void print_nothing(const cluster_scope& scope) {
  std::cout << "No GKMCache in " << namespace_text(scope);
  if (scope.with_cluster) std::cout << ", and no ClusterGKMCache";
  std::cout << (scope.selector.empty() ? "" : ", with these labels") << '.';
  if (!scope.ns.empty()) std::cout << " -A shows all namespaces.";
  std::cout << '\n';
}

void print_table(const cluster_snapshot& picture, bool wide) {
  table t(cluster_header(wide));
  auto now = std::time(nullptr);
  for (const auto& row : rows_of(picture)) t.add(cluster_cells(row, picture, wide, now));
  t.print(std::cout, wants_colours(), terminal_columns());
}

void print_details(const cluster_snapshot& picture) {
  const char* between = "";
  for (const auto& [ref, cache] : picture.caches())
    std::cout << std::exchange(between, "\n")
              << cluster_details(picture, cache, std::time(nullptr));
}

void print_notes(const std::vector<std::string>& notes) {
  for (const auto& note : notes) std::cerr << "gkm: " << plain(note) << '\n';
}

// Nothing more is read, so nothing waits while it is printed.
void print_once(cluster_feed& feed, const cluster_scope& scope, output format) {
  auto notes = feed.notes();
  feed.look([&](const cluster_snapshot& picture) {
    if (format == output::json || format == output::yaml)
      print_document(cluster_document(picture, notes), format);
    else if (picture.caches().empty())
      print_nothing(scope);
    else if (!scope.name.empty() && format == output::table)
      print_details(picture);
    else
      print_table(picture, format == output::wide);
  });
  if (format != output::json && format != output::yaml) print_notes(notes);
}

/// The cluster that is meant, and what is asked of it, followed.
struct followed_cluster {
  k8s::config where;
  cluster_scope scope;
  k8s::client client;
  cluster_feed feed;

  followed_cluster(k8s::config at, cluster_scope what, const k8s::client_options& as)
      : where(std::move(at)), scope(std::move(what)), client(where, as), feed(client, scope) {}
};

/// Once all has been read.
result<std::unique_ptr<followed_cluster>> open_cluster(const cluster_options& c,
                                                       const std::string& name) {
  auto where = k8s::find_config({c.kubeconfig, c.context});
  if (!where) return fail(no_cluster(where.error()));
  auto scope = scope_of(c, name, where->ns);
  if (!scope) return fail(scope.error());
  k8s::client_options as;
  as.user_agent = std::string("gkm/") + base::version();
  auto opened = std::make_unique<followed_cluster>(std::move(*where), std::move(*scope), as);
  if (auto whole = opened->feed.wait_until_whole(); !whole) return fail(whole.error());
  return opened;
}

}  // namespace

result<int> cluster_wait(const cluster_options& c, const std::string& name,
                         std::chrono::seconds at_most) {
  auto opened = open_cluster(c, name);
  if (!opened) return fail(opened.error());
  auto& [where, scope, client, feed] = **opened;
  const auto until = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    bool ready = true;
    std::string standing;
    feed.look([&](const cluster_snapshot& picture) {
      ready = !picture.caches().empty();
      for (const auto& [ref, cache] : picture.caches()) {
        auto whole = rows_of(picture, cache).front();
        auto said = ref.str() + " is " + plain(whole.state) + ": " + plain(whole.message);
        ready = ready && whole.good;
        if (!whole.good || standing.empty()) standing = said;
      }
    });
    if (ready) {
      std::cout << standing << '\n';
      return success;
    }
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0 && standing.empty()) return fail(no_such(scope, where));
    if (left.count() <= 0)
      return fail(errc::unavailable, "'" + plain(name) + "' was not ready within " +
                                         human_seconds(at_most.count()) + ": " + standing);
    feed.wait_for_news(left);
  }
}

result<int> cluster_status(const options& o, const cluster_options& c, const std::string& name) {
  bool machine = o.format == output::json || o.format == output::yaml;
  if (c.watch && machine)
    return fail(errc::invalid_argument,
                "-w follows a table: leave out -o, or watch objects with 'kubectl get "
                "gkmcachenodes -w -o json'");
  auto opened = open_cluster(c, name);
  if (!opened) return fail(opened.error());
  auto& [where, scope, client, feed] = **opened;
  bool none = false;
  feed.look([&](const cluster_snapshot& picture) { none = picture.caches().empty(); });
  if (none && !scope.name.empty()) {
    print_notes(feed.notes());
    return fail(no_such(scope, where));
  }
  if (!c.watch) {
    print_once(feed, scope, o.format);
    return success;
  }
  print_notes(feed.notes());
  follow_cluster(feed, o.format == output::wide);
  return success;
}

std::string cluster_in_reach() {
  auto where = k8s::find_config();
  return where ? where->origin : std::string();
}

}  // namespace gkm::cli
