#include "actors/operator/kube/kube_api.hpp"
#include "base/base64.hpp"
#include "k8s/objects/patch.hpp"
#include "messages/names.hpp"
#include "messages/pull_secret.hpp"

#include <charconv>

namespace gkm::op {
namespace {

/// "<version> <sealed for>".
constexpr std::string_view state_annotation = "gkm.io/sealed-from";

/// Base64; empty if it is no pull secret.
std::string_view login_in(const k8s::object& secret) {
  // Copies are other namespaces' secrets, and nobody's to name.
  if (!secret.label(pull_secret_label).empty()) return {};
  auto type = secret.text({"type"});
  if (type == "kubernetes.io/dockerconfigjson") return secret.text({"data", ".dockerconfigjson"});
  if (type == "kubernetes.io/dockercfg") return secret.text({"data", ".dockercfg"});
  return {};
}

result<registry_login> parse_login(const secret_ref& from, const k8s::object& secret) {
  auto named = "Secret '" + from.ns + "/" + from.name + "' ";
  auto text = base::from_base64(login_in(secret));
  if (!text || text->empty())
    return fail(errc::invalid_argument,
                named +
                    "is no pull secret: its type must be 'kubernetes.io/dockerconfigjson' or "
                    "'kubernetes.io/dockercfg'");
  if (text->size() > pull_secret_bytes_max)
    return fail(errc::limit_exceeded, named + "is larger than a pull secret may be, " +
                                          std::to_string(pull_secret_bytes_max) + " bytes");
  return registry_login{std::string(secret.uid()) + "/" + std::string(secret.resource_version()),
                        std::move(*text)};
}

copied_part parse_part(const k8s::object& o) {
  copied_part part;
  part.name = o.name();
  auto parts = o.annotation(pull_secret_parts_annotation);
  std::from_chars(parts.data(), parts.data() + parts.size(), part.parts);
  auto state = o.annotation(state_annotation);
  auto space = state.find(' ');
  if (space == std::string_view::npos) return part;
  part.version = state.substr(0, space);
  part.sealed_for = state.substr(space + 1);
  return part;
}

}  // namespace

void kube_secrets::read_login(const secret_ref& from, answer<registry_login> reply) {
  client_.get(k8s::secrets, {from.ns, from.name}, [from, reply](result<k8s::object> secret) {
    if (!secret) return reply(fail(secret.error()));
    reply(parse_login(from, *secret));
  });
}

void kube_secrets::write_part(const secret_ref& of, const copied_part& part,
                              const std::string& sealed, answer<done> reply) {
  k8s::draft d(k8s::secrets, {copies_ns_, part.name});
  d.set({"metadata", "labels", pull_secret_label}, "true");
  d.set({"metadata", "annotations", "gkm.io/copy-of"}, of.ns + "/" + of.name);
  d.set({"metadata", "annotations", pull_secret_parts_annotation}, std::to_string(part.parts));
  d.set({"metadata", "annotations", state_annotation}, part.version + " " + part.sealed_for);
  d.set({"type"}, pull_secret_type);
  d.set({"data", pull_secret_sealed_field}, base::to_base64(sealed));
  auto body = d.print();
  apply_part(part.name, body, [=, this, name = part.name](const result<done>& applied) {
    // The type of a secret never changes: what an earlier version copied as it was must go first.
    bool is_other = !applied && applied.error().code == errc::invalid_argument;
    if (!is_other) return reply(applied);
    drop_part(name, [=, this](const result<done>& gone) {
      if (!gone) return reply(gone);
      apply_part(name, body, reply);
    });
  });
}

void kube_secrets::apply_part(const std::string& name, const std::string& body,
                              answer<done> reply) {
  client_.apply(k8s::secrets, {copies_ns_, name}, body, {names::gkm_operator, true},
                [reply, counts = &metrics_](result<k8s::object> o) {
                  counts->wrote("secret", o ? errc::none : o.error().code);
                  if (!o) return reply(fail(o.error()));
                  reply(done{});
                });
}

void kube_secrets::drop_part(const std::string& name, answer<done> reply) {
  client_.remove(k8s::secrets, {copies_ns_, name}, {},
                 [reply, counts = &metrics_](result<bool> gone) {
                   bool fine = gone || gone.error().code == errc::not_found;
                   counts->wrote("secret", fine ? errc::none : gone.error().code);
                   if (!fine) return reply(fail(gone.error()));
                   reply(done{});
                 });
}

void kube_secrets::list_parts(answer<std::vector<copied_part>> reply) {
  k8s::selection which{copies_ns_, std::string(pull_secret_label) + "=true", {}};
  client_.list(k8s::secrets, which, [reply](result<k8s::object_list> found) {
    if (!found) return reply(fail(found.error()));
    std::vector<copied_part> parts;
    for (const auto& o : found->items) parts.push_back(parse_part(o));
    reply(std::move(parts));
  });
}

}  // namespace gkm::op
