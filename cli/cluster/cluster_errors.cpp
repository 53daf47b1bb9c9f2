#include "cli/cluster/cluster_errors.hpp"

#include "k8s/config.hpp"
#include "k8s/objects/resource.hpp"

namespace gkm::cli {
namespace {

error made(errc code, std::string message) { return {code, std::move(message), {}}; }

std::string place_of(const k8s::resource& what, const std::string& ns) {
  if (!what.namespaced) return "";
  return ns.empty() ? " in all namespaces" : " in namespace '" + ns + "'";
}

std::string remedy_for_forbidden(const k8s::resource& what, const std::string& ns) {
  const std::string role = "the ClusterRole 'gkm-view', which Kubernetes' own 'view' includes";
  if (what.namespaced && !ns.empty())
    return "a RoleBinding in '" + ns + "' to " + role + ", allows it";
  return "a ClusterRoleBinding to " + role + ", allows it" +
         (what.namespaced ? "; or name one namespace with -n" : "");
}

}  // namespace

bool is_forbidden(const error& cause) {
  // A 401 is about who asks; the two are one kind of error.
  return cause.code == errc::unauthorized && cause.message.find(" 401") == std::string::npos;
}

std::string note_of_forbidden(const k8s::resource& what) {
  return std::string(what.kind) + "s are not shown: this user may not read them; " +
         remedy_for_forbidden(what, {});
}

error explain(const error& cause, const k8s::resource& what, const std::string& ns,
              const k8s::config& where) {
  const auto things = std::string(what.kind) + "s" + place_of(what, ns);
  if (cause.code == errc::not_found)
    return made(errc::not_found, "Failed to read " + things + ": the cluster '" + where.server +
                                     "' (" + where.origin +
                                     ") does not know them: GKM is not installed there; 'make " +
                                     "deploy' does that, --context names another cluster");
  if (is_forbidden(cause))
    return made(cause.code, "Not allowed to read " + things + ": " + cause.message + "; " +
                                remedy_for_forbidden(what, ns));
  if (cause.code == errc::unauthorized)
    return made(cause.code, "The API server '" + where.server + "' does not accept the " +
                                "credentials of " + where.origin + ": " + cause.message +
                                "; log in to the cluster again");
  if (cause.code == errc::unavailable)
    return made(cause.code, "Cannot reach the API server '" + where.server + "' (" + where.origin +
                                "): " + cause.message +
                                "; is it running, and is it the one meant? --context and " +
                                "--kubeconfig choose another");
  return made(cause.code, "Failed to read " + things + ": " + cause.message);
}

}  // namespace gkm::cli
