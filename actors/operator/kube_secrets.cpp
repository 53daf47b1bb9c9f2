#include "actors/operator/kube_api.hpp"
#include "k8s/patch.hpp"
#include "messages/pull_secret.hpp"

#include <rapidjson/document.h>

namespace gkm::cluster {
namespace {

bool is_pull_secret(const k8s::object& secret) {
  auto type = secret.text({"type"});
  // Copies are other namespaces' secrets, and nobody's to name.
  if (!secret.label(pull_secret_label).empty()) return false;
  return type == "kubernetes.io/dockerconfigjson" || type == "kubernetes.io/dockercfg";
}

}  // namespace

void kube_secrets::copy(const secret_ref& from, answer<done> reply) {
  auto name = pull_secret_copy(from.ns, from.name);
  client_.get(k8s::secrets, {from.ns, from.name}, [=, this](result<k8s::object> secret) {
    if (secret && is_pull_secret(*secret)) return write_copy(from, *secret, reply);
    auto why = secret ? error{errc::invalid_argument,
                              "Secret '" + from.ns + "/" + from.name +
                                  "' is no pull secret: its type must be "
                                  "'kubernetes.io/dockerconfigjson' or 'kubernetes.io/dockercfg'",
                              {}}
                      : secret.error();
    if (why.code != errc::not_found && why.code != errc::invalid_argument) return reply(fail(why));
    // Nobody may pull with what its owner took away.
    drop(name, [=](const result<done>&) { reply(fail(why)); });
  });
}

void kube_secrets::write_copy(const secret_ref& from, const k8s::object& secret,
                              answer<done> reply) {
  auto name = pull_secret_copy(from.ns, from.name);
  k8s::draft d(k8s::secrets, {copies_ns_, name});
  d.set({"metadata", "labels", pull_secret_label}, "true");
  d.set({"metadata", "annotations", "gkm.io/copy-of"}, from.ns + "/" + from.name);
  d.set({"type"}, secret.text({"type"}));
  if (const auto* data = secret.find({"data"})) d.set({"data"}, *data);
  auto body = d.print();
  apply_copy(name, body, [=, this](const result<done>& applied) {
    // The type of a secret never changes: one that was made anew as another needs a new copy.
    bool is_other = !applied && applied.error().code == errc::invalid_argument;
    if (!is_other) return reply(applied);
    drop(name, [=, this](const result<done>& gone) {
      if (!gone) return reply(gone);
      apply_copy(name, body, reply);
    });
  });
}

void kube_secrets::apply_copy(const std::string& name, const std::string& body,
                              answer<done> reply) {
  client_.apply(k8s::secrets, {copies_ns_, name}, body, {"gkm-operator", true},
                [reply, counted = &metrics_](result<k8s::object> o) {
                  counted->wrote("secret", o ? errc::none : o.error().code);
                  if (!o) return reply(fail(o.error()));
                  reply(done{});
                });
}

void kube_secrets::drop(const std::string& copy, answer<done> reply) {
  client_.remove(k8s::secrets, {copies_ns_, copy}, {},
                 [reply, counted = &metrics_](result<bool> gone) {
                   bool fine = gone || gone.error().code == errc::not_found;
                   counted->wrote("secret", fine ? errc::none : gone.error().code);
                   if (!fine) return reply(fail(gone.error()));
                   reply(done{});
                 });
}

void kube_secrets::list(answer<std::vector<std::string>> reply) {
  k8s::selection which{copies_ns_, std::string(pull_secret_label) + "=true", {}};
  client_.list(k8s::secrets, which, [reply](result<k8s::object_list> found) {
    if (!found) return reply(fail(found.error()));
    std::vector<std::string> names;
    for (const auto& o : found->items) names.emplace_back(o.name());
    reply(std::move(names));
  });
}

}  // namespace gkm::cluster
